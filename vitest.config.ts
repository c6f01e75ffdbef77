import { defineConfig } from 'vitest/config'

// VIGA_ENGINE chooses the engine under test; scripts/test.mjs runs the suite once for each.
export default defineConfig({
  test: {
    include: ['ts/test/**/*.test.ts'],
    typecheck: { enabled: false },
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
