/**
 * What the benchmark measures: suites, their jobs, and the metrics that a job gives. A job is one program, written once for
 * each engine under the same key (suites/ for viga, peers/ for the others); README.md says what each shows.
 */
export const engineNames = ['native', 'pure', 'beam', 'worker_threads', 'nact', 'effect'] as const
export type EngineName = (typeof engineNames)[number]

export interface Metric {
  /** What a program calls the figure. */
  readonly key: string
  readonly name: string
  readonly unit: string
  readonly better: 'higher' | 'lower'
}

export interface Job {
  readonly key: string
  readonly metrics: readonly Metric[]
  /** Operations (or processes, rows, steps) of a measured run, of a smoke run, and of the run before that warms up. */
  readonly size: number
  readonly smokeSize: number
  readonly warmUp: number
  /** Needs a process of the operating system to itself, even in a smoke run: what ran before would show in its figure. */
  readonly alone: boolean
  /** How many schedulers the program needs; undefined where it is one program on whatever the engine does best with. */
  readonly schedulers: 1 | 2 | undefined
  readonly engines: readonly EngineName[]
}

export interface Suite {
  readonly name: string
  readonly jobs: readonly Job[]
}

const withBeam: readonly EngineName[] = ['native', 'pure', 'beam']
const everybody: readonly EngineName[] = ['native', 'pure', 'beam', 'nact', 'effect']
/** Those with two schedulers: pure is one isolate, and so are the actors of nact and the fibers of Effect. */
const twoSchedulers: readonly EngineName[] = ['native', 'beam', 'worker_threads']
/** Threads of Node share no objects, so they have no tables either. */
const twoSchedulersWithTables: readonly EngineName[] = ['native', 'beam']

const perSecond = (name: string): Metric[] => [{ key: 'per_second', name, unit: '1/s', better: 'higher' }]
const bytes = (name: string): Metric[] => [{ key: 'bytes', name, unit: 'bytes', better: 'lower' }]
const milliseconds = (name: string): Metric[] => [{ key: 'milliseconds', name, unit: 'ms', better: 'lower' }]
const nanoseconds = (name: string): Metric[] => [{ key: 'nanoseconds', name, unit: 'ns', better: 'lower' }]
const microseconds = (name: string): Metric[] => [{ key: 'microseconds', name, unit: 'µs', better: 'lower' }]
const percent = (name: string): Metric[] => [{ key: 'percent', name, unit: '%', better: 'lower' }]

interface Sizes {
  readonly size: number
  readonly smokeSize: number
  /** A quarter of the size unless given; 0 for none. */
  readonly warmUp?: number
  readonly alone?: boolean
  readonly schedulers?: 1 | 2
}

function job(key: string, metrics: readonly Metric[], engines: readonly EngineName[], sizes: Sizes): Job {
  return { key, metrics, engines, warmUp: Math.ceil(sizes.size / 4), alone: false, schedulers: undefined, ...sizes }
}

export const catalogue: readonly Suite[] = [
  {
    name: 'spawn',
    jobs: [
      job('one_at_a_time', perSecond('spawn and exit'), everybody, { size: 400_000, smokeSize: 2_000 }),
      job('ten_thousand', perSecond('spawn and exit, 10,000 alive'), everybody, { size: 400_000, smokeSize: 2_000 }),
    ],
  },
  {
    name: 'memory',
    jobs: [
      job('waiting', bytes('bytes per process'), everybody, { size: 1_000_000, smokeSize: 20_000, warmUp: 0, alone: true }),
      job('callback', bytes('bytes per callback process'), withBeam, { size: 1_000_000, smokeSize: 20_000, warmUp: 0, alone: true }),
      job('hibernated', bytes('bytes per hibernated process'), withBeam, { size: 1_000_000, smokeSize: 20_000, warmUp: 0, alone: true }),
    ],
  },
  {
    name: 'pingpong',
    jobs: [
      job('one_scheduler', perSecond('one scheduler'), everybody, { size: 1_000_000, smokeSize: 2_000 }),
      job('two_schedulers', perSecond('two schedulers'), twoSchedulers, { size: 100_000, smokeSize: 500, schedulers: 2 }),
      job('two_schedulers_spinning', perSecond('two threads that spin on shared memory'), ['worker_threads'], { size: 2_000_000, smokeSize: 500, schedulers: 2 }),
      job('parked', microseconds('two schedulers, parked'), twoSchedulers, { size: 400, smokeSize: 20, schedulers: 2 }),
    ],
  },
  {
    name: 'ring',
    jobs: [
      job('one_token', perSecond('1 token'), everybody, { size: 2_000_000, smokeSize: 5_000 }),
      job('hundred_tokens', perSecond('100 tokens'), everybody, { size: 4_000_000, smokeSize: 10_000 }),
    ],
  },
  {
    name: 'call',
    jobs: [
      job('one_caller', perSecond('one caller'), everybody, { size: 500_000, smokeSize: 2_000 }),
      job('callers_64', perSecond('64 callers'), everybody, { size: 500_000, smokeSize: 6_400 }),
    ],
  },
  {
    name: 'cast',
    jobs: [job('casts', perSecond('cast'), everybody, { size: 2_000_000, smokeSize: 5_000 })],
  },
  {
    name: 'fan-in',
    jobs: [job('hundred_producers', perSecond('100 producers to 1'), everybody, { size: 2_000_000, smokeSize: 10_000 })],
  },
  {
    name: 'stream',
    jobs: [job('hundred_bytes', perSecond('100 bytes'), twoSchedulers, { size: 2_000_000, smokeSize: 5_000, schedulers: 2 })],
  },
  {
    name: 'copy',
    jobs: [
      job('integer', perSecond('integer'), withBeam, { size: 2_000_000, smokeSize: 5_000 }),
      job('map_10', perSecond('map of 10'), withBeam, { size: 1_000_000, smokeSize: 2_000 }),
      job('list_10000', perSecond('list of 10,000'), withBeam, { size: 5_000, smokeSize: 100 }),
      job('binary_1mb', perSecond('binary 1 MB'), withBeam, { size: 1_000_000, smokeSize: 2_000 }),
      job('binary_1mb_across', perSecond('binary 1 MB across'), twoSchedulers, { size: 500_000, smokeSize: 1_000, schedulers: 2 }),
      job('bytes_1mb_across', perSecond('Uint8Array 1 MB across'), ['native', 'worker_threads'], { size: 4_000, smokeSize: 100, schedulers: 2 }),
    ],
  },
  {
    name: 'ets',
    jobs: [
      job('insert', perSecond('insert'), withBeam, { size: 1_000_000, smokeSize: 5_000 }),
      job('lookup', perSecond('lookup'), withBeam, { size: 1_000_000, smokeSize: 5_000 }),
      job('lookup_element', perSecond('lookupElement'), withBeam, { size: 1_000_000, smokeSize: 5_000 }),
      job('update_counter', perSecond('updateCounter'), withBeam, { size: 1_000_000, smokeSize: 5_000 }),
      job('ordered_insert', perSecond('ordered_set insert'), withBeam, { size: 1_000_000, smokeSize: 5_000 }),
      job('ordered_range', perSecond('ordered_set range'), withBeam, { size: 20_000, smokeSize: 100 }),
      job('insert_two', perSecond('insert, two processes'), twoSchedulersWithTables, { size: 1_000_000, smokeSize: 5_000, schedulers: 2 }),
      job('lookup_two', perSecond('lookup, two processes'), twoSchedulersWithTables, { size: 1_000_000, smokeSize: 5_000, schedulers: 2 }),
      job('update_counter_two', perSecond('updateCounter, two processes'), twoSchedulersWithTables, { size: 1_000_000, smokeSize: 5_000, schedulers: 2 }),
    ],
  },
  {
    name: 'registry',
    jobs: [
      job('register', perSecond('register'), withBeam, { size: 200_000, smokeSize: 2_000 }),
      job('lookup', perSecond('lookup'), withBeam, { size: 200_000, smokeSize: 2_000 }),
    ],
  },
  {
    name: 'timer',
    jobs: [
      job('start', perSecond('start'), withBeam, { size: 500_000, smokeSize: 2_000 }),
      job('cancel', perSecond('cancel'), withBeam, { size: 500_000, smokeSize: 2_000 }),
      job('start_and_cancel', perSecond('start and cancel'), withBeam, { size: 1_000_000, smokeSize: 2_000 }),
      job(
        'lateness',
        [
          { key: 'p50', name: 'lateness p50', unit: 'ms', better: 'lower' },
          { key: 'p99', name: 'lateness p99', unit: 'ms', better: 'lower' },
        ],
        withBeam,
        { size: 100_000, smokeSize: 1_000, warmUp: 1_000 },
      ),
    ],
  },
  {
    name: 'restart',
    jobs: [
      job('first_2000', perSecond('first 2,000'), withBeam, { size: 20_000, smokeSize: 2_000, warmUp: 20_000 }),
      job('in_a_row', perSecond('100,000 in a row'), withBeam, { size: 100_000, smokeSize: 500, warmUp: 20_000 }),
    ],
  },
  {
    name: 'mailbox',
    jobs: [
      job(
        'waiting',
        [
          { key: 'send', name: '1,000,000 waiting: send', unit: '1/s', better: 'higher' },
          { key: 'receive', name: '1,000,000 waiting: receive', unit: '1/s', better: 'higher' },
          { key: 'bytes', name: '1,000,000 waiting: heap bytes per message', unit: 'bytes', better: 'lower' },
        ],
        withBeam,
        { size: 1_000_000, smokeSize: 20_000, warmUp: 100_000 },
      ),
      job('scaling', [{ key: 'ratio', name: 'time per message, 1,000,000 waiting against 10,000', unit: 'ratio', better: 'lower' }], withBeam, {
        size: 1_000_000,
        smokeSize: 20_000,
        warmUp: 100_000,
      }),
    ],
  },
  {
    name: 'cpu',
    jobs: [
      job('fib', milliseconds('fib(30)'), withBeam, { size: 30, smokeSize: 20, warmUp: 30 }),
      job('mandelbrot', milliseconds('mandelbrot 400x400x100'), withBeam, { size: 400, smokeSize: 40, warmUp: 200 }),
      job('nbody', milliseconds('n-body 1,000,000 steps'), withBeam, { size: 1_000_000, smokeSize: 1_000 }),
      job('servers_one_scheduler', perSecond('one scheduler'), [...twoSchedulers, 'pure'], { size: 1_600, smokeSize: 32, schedulers: 1 }),
      job('servers_two_schedulers', perSecond('two schedulers'), twoSchedulers, { size: 1_600, smokeSize: 32, schedulers: 2 }),
    ],
  },
  {
    name: 'idle',
    jobs: [job('cpu_share', percent('cpu share'), twoSchedulers, { size: 10_000, smokeSize: 500, warmUp: 0, schedulers: 2, alone: true })],
  },
  {
    name: 'crossing',
    jobs: [
      job('send', nanoseconds('send'), withBeam, { size: 2_000_000, smokeSize: 10_000 }),
      job('slice', nanoseconds('slice'), withBeam, { size: 2_000_000, smokeSize: 10_000 }),
    ],
  },
]
