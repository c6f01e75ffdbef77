import { LONGEST_TIMEOUT } from './control-block.js'

export const TWO_32 = 4_294_967_296

/** Index and serial, into two words from `place` on. */
export function writePid(words: Int32Array, place: number, pid: { readonly index: number; readonly serial: number }): void {
  words[place] = pid.index
  words[place + 1] = pid.serial
}

/** The id of a reference, into two words from `place` on. */
export function writeReference(words: Int32Array, place: number, ref: { readonly id: number }): void {
  words[place] = ref.id
  words[place + 1] = ref.id / TWO_32
}

/** The id of a reference from its two words. */
export function refId(low: number, high: number): number {
  return (high >>> 0) * TWO_32 + (low >>> 0)
}

/** A timeout in ms as a word: -1 for none (or Infinity), -2 for unchanged, else unsigned. */
export function timeoutWord(timeout: number): number {
  if (timeout === Infinity) return -1
  return timeout > LONGEST_TIMEOUT ? LONGEST_TIMEOUT | 0 : timeout | 0
}
