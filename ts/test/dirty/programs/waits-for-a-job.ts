import { dirty, spawn } from '../../../src/index.js'

/** Done by the thread after everything here has come to rest. */
export async function sleepThere(): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, 100))
  return 'woke'
}

// This module is loaded in the threads too, where it must not start the program again.
if (process.argv[1] === new URL(import.meta.url).pathname && (await import('node:worker_threads')).isMainThread)
  spawn(function* () {
    console.log(yield* dirty.cpu(import.meta, sleepThere))
    console.log(yield* dirty.io(import.meta, sleepThere))
  })
