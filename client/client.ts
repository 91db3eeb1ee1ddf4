import createFetchClient from 'openapi-fetch'
import type { components, paths } from './schema.ts'

export type Problem = components['schemas']['Problem']

/** A client of the service at `baseUrl`, for Node and browsers; paths, parameters and replies are typed by openapi.json. */
export function createClient(baseUrl: string) {
  return createFetchClient<paths>({ baseUrl })
}
