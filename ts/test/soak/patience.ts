/**
 * Milliseconds after which what has not come to its end hangs. Long, because on a loaded machine a thread that fills its memory takes
 * seconds to go down, and whoever calls its processes waits for that.
 */
export const PATIENCE = 20_000
