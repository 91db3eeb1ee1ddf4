import { environment, platformVariables } from '#src/platform/index'

export const schema = { ...environment, properties: { ...platformVariables }, required: [] }
