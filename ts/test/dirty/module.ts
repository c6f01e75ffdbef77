/** In place of the import.meta of jobs.ts, whose code runs in the threads of the pools. */
export const jobsModule = { url: new URL('./jobs.ts', import.meta.url).href }

/** How `promise` fails. */
export async function failureOf(promise: PromiseLike<unknown>): Promise<Error & { readonly code?: unknown; readonly reason?: unknown }> {
  const nothing = Symbol('nothing')
  const thrown = await promise.then(
    () => nothing,
    (error: unknown) => error,
  )
  if (thrown === nothing) throw new Error('it did not fail')
  return thrown as Error
}
