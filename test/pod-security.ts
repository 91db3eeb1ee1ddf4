import type { IContainer } from 'kubernetes-models/v1/Container'
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec'

/** All containers of a pod, those that run first or for a while among them. */
const containers = (pod: IPodSpec): Partial<IContainer>[] => [
  ...pod.containers,
  ...(pod.initContainers ?? []),
  ...(pod.ephemeralContainers ?? [])
]
const every = (pod: IPodSpec, test: (container: Partial<IContainer>) => unknown) => containers(pod).every(test)

const volumeTypes =
  'configMap csi downwardAPI emptyDir ephemeral image persistentVolumeClaim projected secret name'.split(' ')
const safeSysctls =
  /^(kernel\.shm_rmid_forced|net\.ipv4\.(ip_local_port_range|ip_local_reserved_ports|ip_unprivileged_port_start|tcp_(syncookies|keepalive_time|fin_timeout|keepalive_intvl|keepalive_probes|rmem|wmem)|ping_group_range))$/
const seLinuxTypes = ['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t']
const seccompTypes = ['RuntimeDefault', 'Localhost']

type Context = NonNullable<IPodSpec['securityContext'] & IContainer['securityContext']>

/** Whether `test` holds of the security context of the pod and of each container, where they have one. */
const everyContext = (pod: IPodSpec, test: (context: Partial<Context>) => unknown) =>
  [pod, ...containers(pod)].every(({ securityContext }) => !securityContext || test(securityContext as Context))

/** Whether each container says so, or leaves it to a pod that says so. */
function settled(pod: IPodSpec, test: (context: Partial<Context>) => boolean | undefined) {
  const ofPod = test((pod.securityContext ?? {}) as Context)
  return every(pod, ({ securityContext }) => test((securityContext ?? {}) as Context) ?? ofPod)
}

/** The controls of the Pod Security Standards' profile "restricted", those of "baseline" included. */
export const controls: Record<string, (pod: IPodSpec) => unknown> = {
  hostProcess: (pod) => everyContext(pod, ({ windowsOptions }) => !windowsOptions?.hostProcess),
  'host namespaces': ({ hostNetwork, hostPID, hostIPC }) => !hostNetwork && !hostPID && !hostIPC,
  privileged: (pod) => every(pod, ({ securityContext }) => !securityContext?.privileged),
  'host ports': (pod) => every(pod, ({ ports }) => !ports?.some(({ hostPort }) => hostPort)),
  'probes of another host': (pod) =>
    every(pod, ({ lifecycle, startupProbe, readinessProbe, livenessProbe }) =>
      [lifecycle?.preStop, lifecycle?.postStart, startupProbe, readinessProbe, livenessProbe].every(
        (handler) => !handler?.httpGet?.host && !handler?.tcpSocket?.host
      )
    ),
  apparmor: (pod) => everyContext(pod, ({ appArmorProfile }) => appArmorProfile?.type !== 'Unconfined'),
  selinux: (pod) =>
    everyContext(
      pod,
      ({ seLinuxOptions: { type = '', user, role } = {} }) => seLinuxTypes.includes(type) && !user && !role
    ),
  procMount: (pod) => every(pod, ({ securityContext }) => (securityContext?.procMount ?? 'Default') === 'Default'),
  sysctls: ({ securityContext }) => (securityContext?.sysctls ?? []).every(({ name }) => safeSysctls.test(name)),
  'volume types': ({ volumes = [] }) =>
    volumes.every((volume) => Object.keys(volume).every((key) => volumeTypes.includes(key))),
  'privilege escalation': (pod) =>
    every(pod, ({ securityContext }) => securityContext?.allowPrivilegeEscalation === false),
  'non-root': (pod) => settled(pod, ({ runAsNonRoot }) => runAsNonRoot),
  'non-root user': (pod) => everyContext(pod, ({ runAsUser }) => runAsUser !== 0),
  seccomp: (pod) => settled(pod, ({ seccompProfile }) => seccompProfile && seccompTypes.includes(seccompProfile.type)),
  capabilities: (pod) =>
    every(pod, ({ securityContext }) => {
      const { drop = [], add = [] } = securityContext?.capabilities ?? {}
      return drop.includes('ALL') && add.every((capability) => capability === 'NET_BIND_SERVICE')
    })
}

/** The controls that `pod` breaks. */
export const violations = (pod: IPodSpec) =>
  Object.entries(controls).flatMap(([name, holds]) => (holds(pod) ? [] : [name]))
