import { readdirSync, readFileSync } from 'node:fs'
import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment'
import type { IHorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler'
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy'
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget'
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec'
import type { IService } from 'kubernetes-models/v1/Service'
import { test } from 'tap'
import { parse } from 'yaml'
import { schema } from '#src/config'
import { load } from './helper.ts'
import { controls, violations } from './pod-security.ts'

const folder = new URL('../deploy/kubernetes/', import.meta.url)
const text = (path: string) => readFileSync(new URL(path, folder), 'utf8')
const read = (file: string) => parse(text(file), { merge: true })

const { resources, images } = read('kustomization.yaml')
const deployment: IDeployment & { spec: object } = read('deployment.yaml')
const service: IService = read('service.yaml')
const { template } = deployment.spec
const pod = template.spec as IPodSpec
const container = pod.containers[0] as IPodSpec['containers'][0]
const env = Object.fromEntries((container.env ?? []).map(({ name, value }) => [name, value ?? '']))
const ports = Object.fromEntries((container.ports ?? []).map(({ name, containerPort }) => [name, containerPort]))

const dockerfile = text('../../Dockerfile')
const imageEnv = Object.fromEntries(
  (/^ENV (.*)$/m.exec(dockerfile)?.[1] ?? '').split(' ').map((pair) => pair.split('=') as [string, string])
)
const unit = text(`../systemd/${JSON.parse(text('../../package.json')).name}.service`)

/**
 * What the API's own schema finds wrong with `manifest`, and the fields that it does not know. The schema itself lets
 * those pass; they are the ones that validation never looked at.
 */
async function faults(manifest: { apiVersion: string; kind: string }): Promise<string[]> {
  const { [manifest.kind]: Model } = await import(`kubernetes-models/${manifest.apiVersion}/${manifest.kind}`)
  const known = new Set<string>()
  const watch = (value: unknown, path: string): unknown =>
    typeof value !== 'object' || value === null
      ? value
      : new Proxy(value, {
          get(target, key) {
            known.add(`${path}/${String(key)}`)
            return watch(Reflect.get(target, key), `${path}/${String(key)}`)
          }
        })
  const unknown = (value: unknown, path: string): string[] =>
    typeof value !== 'object' || value === null
      ? []
      : Object.entries(value).flatMap(([key, field]) =>
          known.has(`${path}/${key}`) ? unknown(field, `${path}/${key}`) : [`unknown field ${path}/${key}`]
        )
  try {
    Model.prototype.validate.call(watch(manifest, ''))
  } catch (error) {
    return [String(error)]
  }
  return unknown(manifest, '')
}

/** A copy of `value` after `change`. */
function broken<T>(value: T, change: (copy: T) => void): T {
  const copy = structuredClone(value)
  change(copy)
  return copy
}

test('every manifest is valid, has no unknown field, and is applied', async (t) => {
  const files = readdirSync(folder).filter((file) => file !== 'kustomization.yaml')
  t.same([...resources].sort(), files.sort())
  for (const file of files) t.same(await faults(read(file)), [], file)
})

test('a wrong type, a missing field and a misspelt field are faults', async (t) => {
  const faulty = [
    broken(deployment, ({ spec }) => Object.assign(spec, { replicas: 'three' })),
    broken(deployment, ({ spec }) => Reflect.deleteProperty(spec, 'selector')),
    broken(deployment, ({ spec }) => Object.assign(spec.template.spec?.containers[0] ?? {}, { readynessProbe: {} })),
    broken(service, ({ spec }) => Object.assign(spec?.ports?.[0] ?? {}, { targetport: 'http' }))
  ]
  for (const manifest of faulty) t.equal((await faults(manifest)).length, 1)
})

test('the pod holds every control of Pod Security "restricted"', async (t) => t.same(violations(pod), []))

test('each of these breaks its control of "restricted"', async (t) => {
  const inContainer = (fields: object) => (copy: IPodSpec) => Object.assign(copy.containers[0] ?? {}, fields)
  const inContext = (fields: object) => (copy: IPodSpec) =>
    Object.assign(copy.containers[0]?.securityContext ?? {}, fields)
  const inPodContext = (fields: object) => (copy: IPodSpec) => Object.assign(copy.securityContext ?? {}, fields)
  const breakages: Record<string, ((copy: IPodSpec) => void)[]> = {
    hostProcess: [inContext({ windowsOptions: { hostProcess: true } })],
    'host namespaces': [
      (copy) => Object.assign(copy, { hostNetwork: true }),
      (copy) => Object.assign(copy, { hostPID: true }),
      (copy) => Object.assign(copy, { hostIPC: true })
    ],
    privileged: [inContext({ privileged: true })],
    'host ports': [inContainer({ ports: [{ containerPort: 3000, hostPort: 80 }] })],
    'probes of another host': [
      inContainer({ livenessProbe: { httpGet: { port: 9000, host: 'example.com' } } }),
      inContainer({ lifecycle: { preStop: { tcpSocket: { port: 9000, host: 'example.com' } } } })
    ],
    apparmor: [inPodContext({ appArmorProfile: { type: 'Unconfined' } })],
    selinux: [inContext({ seLinuxOptions: { type: 'spc_t' } }), inPodContext({ seLinuxOptions: { user: 'root' } })],
    procMount: [inContext({ procMount: 'Unmasked' })],
    sysctls: [inPodContext({ sysctls: [{ name: 'kernel.msgmax', value: '1' }] })],
    'volume types': [(copy) => Object.assign(copy, { volumes: [{ name: 'host', hostPath: { path: '/' } }] })],
    'privilege escalation': [inContext({ allowPrivilegeEscalation: undefined })],
    'non-root': [inPodContext({ runAsNonRoot: undefined }), inContext({ runAsNonRoot: false })],
    'non-root user': [inPodContext({ runAsUser: 0 })],
    seccomp: [inPodContext({ seccompProfile: undefined }), inContext({ seccompProfile: { type: 'Unconfined' } })],
    capabilities: [inContext({ capabilities: {} }), inContext({ capabilities: { drop: ['ALL'], add: ['SYS_ADMIN'] } })]
  }
  t.same(Object.keys(breakages), Object.keys(controls))
  for (const [control, changes] of Object.entries(breakages)) {
    for (const change of changes) t.same(violations(broken(pod, change)), [control])
  }
  const another = { name: 'sidecar', securityContext: { runAsUser: 0 } }
  const withSidecar = broken(pod, (copy) => Object.assign(copy, { initContainers: [another] }))
  t.same(violations(withSidecar), ['privilege escalation', 'non-root user', 'capabilities'])
})

test('beyond "restricted": a read-only root, and no token of the API server', async (t) => {
  t.equal(container.securityContext?.readOnlyRootFilesystem, true)
  t.equal(pod.automountServiceAccountToken, false)
  const account = read('service-account.yaml')
  t.equal(account.automountServiceAccountToken, false)
  t.equal(pod.serviceAccountName, account.metadata.name)
})

test('the pod is not killed before its drain can end', async (t) => {
  const { DRAIN_DELAY_MS, SHUTDOWN_TIMEOUT_MS, REQUEST_TIMEOUT_MS } = load({ ...imageEnv, ...env })
  const preStop = container.lifecycle?.preStop?.sleep?.seconds ?? 0
  t.ok(preStop > 0)
  const worst = preStop * 1000 + DRAIN_DELAY_MS + SHUTDOWN_TIMEOUT_MS
  t.ok(worst < (pod.terminationGracePeriodSeconds ?? 30) * 1000, `${worst} ms`)
  t.ok(SHUTDOWN_TIMEOUT_MS > REQUEST_TIMEOUT_MS, 'any request can end')
})

test('every variable that is set is one of the service, and valid', async (t) => {
  const unitEnv = /^Environment=(.*)$/m
    .exec(unit)?.[1]
    ?.split(' ')
    .map((pair) => pair.split('=') as [string, string])
  for (const variables of [imageEnv, env, Object.fromEntries(unitEnv ?? [])]) {
    t.not(Object.keys(variables).length, 0)
    t.same(
      Object.keys(variables).filter((name) => !Object.keys(schema.properties).includes(name)),
      []
    )
    t.doesNotThrow(() => load(variables))
  }
})

test('ports are those of the image, and are meant by name', async (t) => {
  t.same(ports, { http: Number(imageEnv.PORT), admin: Number(imageEnv.ADMIN_PORT) })
  t.match(dockerfile, `EXPOSE ${imageEnv.PORT} ${imageEnv.ADMIN_PORT}\n`)
  for (const name of ['startupProbe', 'readinessProbe', 'livenessProbe'] as const)
    t.equal(container[name]?.httpGet?.port, 'admin', name)
  t.same(
    service.spec?.ports?.map(({ targetPort }) => targetPort),
    ['http'],
    'the admin port is not in the Service'
  )
  t.equal(template.metadata?.annotations?.['prometheus.io/port'], imageEnv.ADMIN_PORT)
})

test('the ingress controller reaches the public port, and monitoring the admin port; nobody else reaches either', async (t) => {
  const { spec }: INetworkPolicy = read('network-policy.yaml')
  t.same(spec?.policyTypes, ['Ingress', 'Egress'])
  const namespace = (name: string) => ({
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } }
  })
  t.same(spec?.ingress, [
    { ports: [{ port: 'http' }], from: [namespace('ingress-nginx')] },
    { ports: [{ port: 'admin' }], from: [namespace('monitoring')] }
  ])
  t.same(Object.keys(ports), ['http', 'admin'])
})

test('every selector selects the pod', async (t) => {
  const { labels } = template.metadata ?? {}
  const budget: IPodDisruptionBudget = read('disruption-budget.yaml')
  const policy: INetworkPolicy = read('network-policy.yaml')
  t.same(deployment.spec.selector.matchLabels, labels)
  t.same(service.spec?.selector, labels)
  t.same(budget.spec?.selector?.matchLabels, labels)
  t.same(policy.spec?.podSelector?.matchLabels, labels)
  for (const { labelSelector } of pod.topologySpreadConstraints ?? []) t.same(labelSelector?.matchLabels, labels)
  t.equal(images[0].name, container.image)
})

test('a rollout or the drain of a node leaves the capacity there was, or all of it but one pod', async (t) => {
  const { spec }: IHorizontalPodAutoscaler = read('autoscaler.yaml')
  const budget: IPodDisruptionBudget = read('disruption-budget.yaml')
  t.equal(deployment.spec.strategy?.rollingUpdate?.maxUnavailable, 0)
  t.equal(budget.spec?.maxUnavailable, 1)
  t.ok((spec?.minReplicas ?? 1) > 1)
  t.equal(spec?.scaleTargetRef.name, deployment.metadata?.name)
  t.notOk('replicas' in deployment.spec, 'each apply would undo what the autoscaler did')
})

test('requests and limits are set', async (t) => {
  const { requests, limits } = container.resources ?? {}
  t.same(
    [Object.keys(requests ?? {}), Object.keys(limits ?? {})],
    [
      ['cpu', 'memory'],
      ['cpu', 'memory']
    ]
  )
})

test('systemd waits for the drain', async (t) => {
  const { DRAIN_DELAY_MS, SHUTDOWN_TIMEOUT_MS } = load({})
  const seconds = Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1])
  t.ok(seconds * 1000 > DRAIN_DELAY_MS + SHUTDOWN_TIMEOUT_MS)
})

/** Memory of the service without connections, and of a connection whose request head or pipelined requests wait, in bytes. */
const BASE = 120 * 1024 * 1024
const CONNECTION = 80 * 1024

test('the connections that a pod accepts, and the bodies that it holds, fit into its memory', async (t) => {
  const { MAX_CONNECTIONS } = load({ ...imageEnv, ...env })
  const [, mebibytes] = /^(\d+)Mi$/.exec(String(container.resources?.limits?.memory)) ?? []
  const limit = Number(mebibytes) * 1024 * 1024
  const heap = Number(/--max-old-space-size-percentage=(\d+)/.exec(dockerfile)?.[1]) / 100
  const bodies = (limit * heap) / 16 // as in src/platform/http/bodies.ts
  t.ok(BASE + bodies + MAX_CONNECTIONS * CONNECTION < limit)
})
