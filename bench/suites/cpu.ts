import { performance } from 'node:perf_hooks'
import { type Coroutine, genServer, isDown, receive, reply, spawnMonitor } from '../../ts/src/index.js'
import { type Figures, inPlainProcess, inProcess, type Jobs, rateSince } from './jobs.js'

const SERVERS = 8
const CALLERS = 2
const TILE = 50
const TILE_SUM = 109_673

function fib(n: number): number {
  return n < 2 ? n : fib(n - 1) + fib(n - 2)
}

/** Sum of the iterations of all points of a size x size grid over -1.5 to 0.5, -1 to 1. */
function mandelbrot(size: number, limit: number): number {
  let sum = 0
  for (let row = 0; row < size; row++) {
    const ci = (2 * row) / size - 1
    for (let column = 0; column < size; column++) sum += escape((2 * column) / size - 1.5, ci, limit)
  }
  return sum
}

function escape(cr: number, ci: number, limit: number): number {
  let zr = 0
  let zi = 0
  for (let i = 0; i < limit; i++) {
    const zr2 = zr * zr
    const zi2 = zi * zi
    if (zr2 + zi2 > 4) return i
    zi = 2 * zr * zi + ci
    zr = zr2 - zi2 + cr
  }
  return limit
}

const SOLAR_MASS = 4 * Math.PI * Math.PI
const DAYS = 365.24

interface Body {
  x: number
  y: number
  z: number
  vx: number
  vy: number
  vz: number
  readonly mass: number
}

type Vector = readonly [number, number, number]

function body([x, y, z]: Vector, [vx, vy, vz]: Vector, mass: number): Body {
  return { x, y, z, vx: vx * DAYS, vy: vy * DAYS, vz: vz * DAYS, mass: mass * SOLAR_MASS }
}

/** The n-body problem of the Computer Language Benchmarks Game. */
function solarSystem(): Body[] {
  const bodies = [
    body([0, 0, 0], [0, 0, 0], 1),
    body(
      [4.841431442464721, -1.1603200440274284, -0.10362204447112311],
      [0.001660076642744037, 0.007699011184197404, -0.0000690460016972063],
      0.0009547919384243266,
    ),
    body(
      [8.34336671824458, 4.124798564124305, -0.4035234171143214],
      [-0.0027674251072641104, 0.004998528012349172, 0.000023041729757376393],
      0.0002858859806661308,
    ),
    body(
      [12.894369562139131, -15.111151401698631, -0.22330757889265573],
      [0.002964601375647616, 0.0023784717395948095, -0.000029658956854023756],
      0.00004366244043351563,
    ),
    body(
      [15.379697114850917, -25.919314609987964, 0.17925877295037118],
      [0.0026806777249038932, 0.001628241700382423, -0.00009515922545197159],
      0.000051513890204661145,
    ),
  ]
  const sun = bodies[0] as Body
  for (const { vx, vy, vz, mass } of bodies.slice(1)) {
    sun.vx -= (vx * mass) / sun.mass
    sun.vy -= (vy * mass) / sun.mass
    sun.vz -= (vz * mass) / sun.mass
  }
  return bodies
}

function advance(bodies: readonly Body[], dt: number): void {
  for (let i = 0; i < bodies.length; i++) {
    const a = bodies[i] as Body
    for (let j = i + 1; j < bodies.length; j++) {
      const b = bodies[j] as Body
      const dx = a.x - b.x
      const dy = a.y - b.y
      const dz = a.z - b.z
      const squared = dx * dx + dy * dy + dz * dz
      const magnitude = dt / (squared * Math.sqrt(squared))
      a.vx -= dx * b.mass * magnitude
      a.vy -= dy * b.mass * magnitude
      a.vz -= dz * b.mass * magnitude
      b.vx += dx * a.mass * magnitude
      b.vy += dy * a.mass * magnitude
      b.vz += dz * a.mass * magnitude
    }
  }
  for (const a of bodies) {
    a.x += dt * a.vx
    a.y += dt * a.vy
    a.z += dt * a.vz
  }
}

function energy(bodies: readonly Body[]): number {
  let total = 0
  bodies.forEach((a, i) => {
    total += 0.5 * a.mass * (a.vx * a.vx + a.vy * a.vy + a.vz * a.vz)
    for (const b of bodies.slice(i + 1)) total -= (a.mass * b.mass) / Math.hypot(a.x - b.x, a.y - b.y, a.z - b.z)
  })
  return total
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`wrong result: ${what}`)
}

function timeOf(work: () => void): number {
  const start = performance.now()
  work()
  return performance.now() - start
}

/** fib takes milliseconds: the middle one of nine. */
function fibonacci(n: number): Figures {
  const expected = fib(n)
  const times = Array.from({ length: 9 }, () => timeOf(() => check(fib(n) === expected, 'fib')))
  return { milliseconds: times.sort((a, b) => a - b)[4] as number }
}

function fractal(size: number): Figures {
  let sum = 0
  const milliseconds = timeOf(() => {
    sum = mandelbrot(size, 100)
  })
  check(size !== 400 || sum === 7_030_556, `mandelbrot has ${sum} iterations`)
  return { milliseconds }
}

function planets(steps: number): Figures {
  const bodies = solarSystem()
  const milliseconds = timeOf(() => {
    for (let step = 0; step < steps; step++) advance(bodies, 0.01)
  })
  const final = energy(bodies)
  check(Math.abs(final + 0.169) < 0.0002, `the energy is ${final}`)
  return { milliseconds }
}

/** A server that works: each call renders a tile of the Mandelbrot set. */
export const Renderer = genServer(import.meta, {
  init: () => 'ready',
  call: { tile: (state, size: number) => reply(mandelbrot(size, 100), state) },
})

type Client = Awaited<ReturnType<typeof Renderer.start>>

function* callTiles(server: Client, count: number): Coroutine<void> {
  for (let i = 0; i < count; i++) check((yield* server.call.tile(TILE)) === TILE_SUM, 'tile')
}

/** Tiles a second that 8 servers render, spread over the first `schedulers`; each has two callers on the first one. */
function* servers(count: number, schedulers: number): Coroutine<Figures> {
  const renderers: Client[] = []
  for (let i = 0; i < SERVERS; i++) renderers.push(yield* Renderer.start({ scheduler: 1 + (i % schedulers) }))
  const each = Math.floor(count / (SERVERS * CALLERS))
  const start = performance.now()
  for (let i = 0; i < CALLERS; i++) for (const renderer of renderers) spawnMonitor(callTiles, renderer, each)
  for (let i = 0; i < SERVERS * CALLERS; i++) yield* receive(isNormalEnd)
  const figures = rateSince(start, each * SERVERS * CALLERS)
  for (const renderer of renderers) yield* renderer.stop()
  return figures
}

function isNormalEnd(message: unknown): boolean {
  if (!isDown(message)) return false
  check(message.reason === 'normal', `a caller ended with ${String(message.reason)}`)
  return true
}

export const jobs: Jobs = {
  fib: (n) => inPlainProcess(() => fibonacci(n)),
  mandelbrot: (size) => inPlainProcess(() => fractal(size)),
  nbody: (steps) => inPlainProcess(() => planets(steps)),
  servers_one_scheduler: (count) => inProcess(() => servers(count, 1)),
  servers_two_schedulers: (count) => inProcess(() => servers(count, 2)),
}
