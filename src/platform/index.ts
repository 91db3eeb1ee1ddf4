/** All that the service may import of the platform. */
export { environment, platformVariables } from './config/variables.ts'
export { type PlatformOptions, platform } from './platform.ts'
export { run } from './process/run.ts'
