import { Runtime } from '../../../src/index.js'

Runtime.start({ schedulers: 2 })
export function work(): void {}
