import { performance } from 'node:perf_hooks'
import type { Coroutine } from '../../ts/src/index.js'
import { type Figures, inProcess, type Jobs } from './jobs.js'

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

class Body {
  x: number
  y: number
  z: number
  vx: number
  vy: number
  vz: number
  readonly mass: number

  constructor(position: readonly [number, number, number], velocity: readonly [number, number, number], mass: number) {
    ;[this.x, this.y, this.z] = position
    this.vx = velocity[0] * DAYS
    this.vy = velocity[1] * DAYS
    this.vz = velocity[2] * DAYS
    this.mass = mass * SOLAR_MASS
  }
}

/** The n-body problem of the Computer Language Benchmarks Game. */
function solarSystem(): Body[] {
  const bodies = [
    new Body([0, 0, 0], [0, 0, 0], 1),
    new Body(
      [4.84143144246472090, -1.16032004402742839, -0.103622044471123109],
      [0.00166007664274403694, 0.00769901118419740425, -0.0000690460016972063023],
      0.000954791938424326609,
    ),
    new Body(
      [8.34336671824457987, 4.12479856412430479, -0.403523417114321381],
      [-0.00276742510726411041, 0.00499852801234917238, 0.0000230417297573763929],
      0.000285885980666130812,
    ),
    new Body(
      [12.8943695621391310, -15.1111514016986312, -0.223307578892655734],
      [0.00296460137564761618, 0.00237847173959480950, -0.0000296589568540237556],
      0.0000436624404335156298,
    ),
    new Body(
      [15.3796971148509165, -25.9193146099879641, 0.179258772950371181],
      [0.00268067772490389322, 0.00162824170038242295, -0.0000951592254519715870],
      0.0000515138902046611451,
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
  for (const body of bodies) {
    body.x += dt * body.vx
    body.y += dt * body.vy
    body.z += dt * body.vz
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
function* fibonacci(n: number): Coroutine<Figures> {
  const expected = fib(n)
  const times = Array.from({ length: 9 }, () => timeOf(() => check(fib(n) === expected, 'fib')))
  return { milliseconds: times.sort((a, b) => a - b)[4] as number }
}

function* fractal(size: number): Coroutine<Figures> {
  let sum = 0
  const milliseconds = timeOf(() => {
    sum = mandelbrot(size, 100)
  })
  check(size !== 400 || sum === 7_030_556, `mandelbrot has ${sum} iterations`)
  return { milliseconds }
}

function* planets(steps: number): Coroutine<Figures> {
  const bodies = solarSystem()
  const milliseconds = timeOf(() => {
    for (let step = 0; step < steps; step++) advance(bodies, 0.01)
  })
  const final = energy(bodies)
  check(Math.abs(final + 0.169) < 0.0002, `the energy is ${final}`)
  return { milliseconds }
}

export const jobs: Jobs = {
  fib: (n) => inProcess(() => fibonacci(n)),
  mandelbrot: (size) => inProcess(() => fractal(size)),
  nbody: (steps) => inProcess(() => planets(steps)),
}
