/**
 * The chat service. `npm run demo` starts it and prints where it is; PORT chooses the port. With CI=true it drives itself with
 * 200 clients instead, says what it has seen, and exits with 0 when all of it was right.
 */
import { Runtime, StartError, VigaError } from './viga.js'
import { drive } from './drive.js'
import { startService } from './service.js'
import { describe } from './status.js'
import { listenFailure } from './web.js'

const HOST = '127.0.0.1'
const DEFAULT_PORT = 3000

function portFromEnvironment(): number {
  const given = process.env['PORT']
  if (given === undefined || given === '') return DEFAULT_PORT
  const port = Number(given)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new RangeError(`PORT is ${JSON.stringify(given)}; whole numbers from 0 to 65535 are allowed`)
}

/** The first SIGINT or SIGTERM. Those that follow, from a terminal and from npm, say nothing new. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, resolve)
  })
}

function explain(error: unknown): string {
  if (!(error instanceof StartError)) return error instanceof RangeError || error instanceof VigaError ? error.message : String(error instanceof Error ? error.stack : error)
  const failure = listenFailure(error.reason)
  if (failure === undefined) return error.message
  const [, code, port] = failure
  if (code === 'EADDRINUSE') return `port ${port} is taken by another program; choose one with PORT=${port + 1}, or any free one with PORT=0`
  return `cannot listen on port ${port}: ${code}`
}

async function serve(): Promise<void> {
  const signalled = stopSignal()
  // Rooms crash here for fun; one line each will do.
  const runtime = Runtime.start({ onCrash: ({ pid, label, reason }) => console.log(`${label ?? String(pid)} crashed: ${describe(reason)}`) })
  const service = await startService({ host: HOST, port: portFromEnvironment(), crashable: true })
  console.log(`viga chat on the ${runtime.engine} engine: ${service.url}\nOpen it twice, talk, and crash the room. Ctrl+C stops it.`)
  console.log(`\n${await signalled}: stopping`)
  await service.stop()
  runtime.stop()
  console.log('stopped: everybody has left, in reverse order')
}

try {
  if (process.env['CI'] === 'true') {
    // After a success nothing is left that could keep the program running. After a failure there may be.
    if (!(await drive())) process.exit(1)
  } else await serve()
} catch (error) {
  console.error(explain(error))
  process.exit(1)
}
