import type { Attacks } from './attack.ts'
export const attacks: Attacks = {}
