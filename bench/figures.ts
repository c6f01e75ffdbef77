import type { EngineName, Metric } from './catalogue.js'

/** The runs of one engine for one metric, summed up. */
export interface Figure {
  readonly suite: string
  readonly engine: EngineName
  readonly metric: string
  readonly unit: string
  readonly better: 'higher' | 'lower'
  readonly median: number
  readonly min: number
  readonly max: number
  readonly runs: number
  readonly form?: string
}

export function summarise(suite: string, engine: EngineName, metric: Metric, form: string | undefined, values: readonly number[]): Figure {
  const sorted = values.toSorted((a, b) => a - b)
  return {
    suite,
    engine,
    metric: metric.name,
    unit: metric.unit,
    better: metric.better,
    median: median(sorted),
    min: sorted[0] as number,
    max: sorted.at(-1) as number,
    runs: sorted.length,
    ...(form === undefined ? {} : { form }),
  }
}

function median(sorted: readonly number[]): number {
  const middle = sorted.length >> 1
  const upper = sorted[middle] as number
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2
}

/** The better of several figures of one metric. */
export function best(figures: readonly Figure[]): Figure | undefined {
  return figures.toSorted((a, b) => (a.better === 'higher' ? b.median - a.median : a.median - b.median))[0]
}

/** How many times better `figure` is than `reference`: above 1 is better, whichever way the metric counts. */
export function timesBetter(figure: Figure, reference: Figure): number {
  return figure.better === 'higher' ? figure.median / reference.median : reference.median / figure.median
}
