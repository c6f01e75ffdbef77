await new Promise((resolve) => setImmediate(resolve))
export function* work(): Generator {
  yield
}
