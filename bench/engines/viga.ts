import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { absent, type Line, nodeFlags } from './contestant.js'

export interface Programs {
  /** The file that runs the jobs of a suite. */
  readonly child: string
  /** The compiled program of a suite. */
  fileOf(suite: string): string
  /** What is measured, in words. */
  readonly subject: string
}

/** Sends the suites' imports of viga to the file that is measured. */
function measured(file: string): Plugin {
  return {
    name: 'measured-viga',
    setup(esbuild) {
      esbuild.onResolve({ filter: /ts\/src\/index\.js$/ }, () => ({ path: pathToFileURL(file).href, external: true }))
    },
  }
}

/**
 * Compiles the suites into build/bench. They import the built package, dist/index.mjs; without it, or with `fromSource`, a
 * bundle of ts/src made in the same way.
 */
export async function buildPrograms(root: string, fromSource: boolean): Promise<Programs> {
  const folder = join(root, 'build', 'bench')
  mkdirSync(folder, { recursive: true })
  const built = join(root, 'dist', 'index.mjs')
  const useBuilt = !fromSource && existsSync(built)
  const subject = useBuilt ? built : await bundleSources(root, folder)
  const suites = readdirSync(join(root, 'bench', 'suites')).filter((file) => file.endsWith('.ts'))
  await build({
    entryPoints: suites.map((file) => join(root, 'bench', 'suites', file)),
    outdir: folder,
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node20.12',
    format: 'esm',
    plugins: [measured(subject)],
    logLevel: 'warning',
  })
  return { child: join(folder, 'child.js'), fileOf: (suite) => join(folder, `${suite}.js`), subject: useBuilt ? 'the built package, dist/' : 'a bundle of ts/src' }
}

async function bundleSources(root: string, folder: string): Promise<string> {
  const outfile = join(folder, 'viga.cjs')
  await build({
    entryPoints: [join(root, 'ts', 'src', 'index.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20.12',
    format: 'cjs',
    external: ['node-gyp-build'],
    // The addon is found from the package's root, as seen from dist.
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(join(root, 'dist', 'index.cjs')).href) },
    logLevel: 'warning',
  })
  return outfile
}

/** The line of viga's `engine`, which is missing where it does not start. */
export function vigaLine(engine: 'native' | 'pure', programs: Programs): Line {
  const env = { ...process.env, VIGA_ENGINE: engine }
  const probe = spawnSync(process.execPath, [...nodeFlags, programs.child, 'cpu', 'default'], { env, encoding: 'utf8' })
  if (probe.status !== 0 && probe.stderr.includes('ERR_VIGA_ENGINE_UNAVAILABLE'))
    return absent(engine, /^.*ERR_VIGA_ENGINE_UNAVAILABLE.*$/m.exec(probe.stderr)?.[0].trim() ?? 'the engine is not available')
  return {
    engine,
    contestants: [
      {
        engine,
        form: undefined,
        takes: () => true,
        command: (suite, jobs, schedulers) => ({
          file: process.execPath,
          args: [...nodeFlags, programs.child, suite, String(schedulers ?? 'default'), ...jobs],
          env,
        }),
      },
    ],
    missing: (suite) => (existsSync(programs.fileOf(suite)) ? undefined : 'bench/suites holds no program for it'),
  }
}
