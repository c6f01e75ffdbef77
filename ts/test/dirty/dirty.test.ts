import { expect, test } from 'vitest'
import { dirty } from '../../src/index.js'
import { freshRuntime } from '../fresh-runtime.js'
import * as jobs from './jobs.js'

const module = { url: new URL('./jobs.ts', import.meta.url).href }
freshRuntime()

test('a function runs in another thread', async () => {
  expect(await dirty.cpu(module, jobs.square, 7)).toBe(49)
  expect(await dirty.io(module, jobs.where)).not.toBe(await dirty.cpu(module, jobs.where))
})
