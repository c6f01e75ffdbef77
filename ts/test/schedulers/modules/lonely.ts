export const number = 1
export function* work(): Generator {
  yield
}
