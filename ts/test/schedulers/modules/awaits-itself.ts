/** A program whose top level looks for names that its module has only when that is through. */
import { genServer } from '../../../src/index.js'

export const A = genServer(import.meta, { init: () => 0 })
const B = genServer(import.meta, { init: () => 0 })
const hidden = genServer(import.meta, { init: () => 0 })
export { B as C }

const homes = [A, B, hidden].map(({ home }) => home)
await Promise.all(homes.map((home) => home?.find()))
process.stdout.write(`${homes.map((home) => home?.name).join(' ')}\n`)
setImmediate(async () => {
  const found = await Promise.allSettled(homes.map((home) => home?.find()))
  process.stdout.write(`${homes.map((home) => home?.name).join(' ')} ${found.map(({ status }) => status).join(' ')}\n`)
})
