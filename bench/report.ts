import type { Figure } from './figures.js'
import { timesBetter } from './figures.js'
import type { Result } from './rounds.js'

const thousands = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const small = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 })

function quantity(value: number): string {
  return Math.abs(value) >= 1_000 ? thousands.format(value) : small.format(value)
}

function cell(figure: Figure | undefined, reference: Figure | undefined): string {
  if (figure === undefined) return ''
  const text = quantity(figure.median)
  return reference === undefined || reference === figure ? text : `${text} (${timesBetter(figure, reference).toFixed(2)})`
}

/** A table in Markdown: a row a metric, a column an engine; in parentheses how many times better than beam. */
export function table(results: readonly Result[], engines: readonly string[]): string {
  const figures = results.filter((result): result is Figure => 'median' in result)
  const rows = [['suite', 'metric', 'unit', ...engines]]
  for (const { suite, metric, unit } of uniqueMetrics(figures)) {
    const of = (engine: string) => figures.find((figure) => figure.suite === suite && figure.metric === metric && figure.engine === engine)
    rows.push([suite, metric, unit, ...engines.map((engine) => cell(of(engine), of('beam')))])
  }
  return [...aligned(rows), ...notes(results)].join('\n')
}

function uniqueMetrics(figures: readonly Figure[]): Figure[] {
  return figures.filter((figure, i) => figures.findIndex(({ suite, metric }) => suite === figure.suite && metric === figure.metric) === i)
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const head = rows[0] as readonly string[]
  const widths = head.map((_, column) => Math.max(3, ...rows.map((row) => (row[column] as string).length)))
  const line = (row: readonly string[]) =>
    `| ${row.map((text, column) => (column < 3 ? text.padEnd(widths[column] as number) : text.padStart(widths[column] as number))).join(' | ')} |`
  const rule = `| ${widths.map((width, column) => (column < 3 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [line(head), rule, ...rows.slice(1).map(line)]
}

function notes(results: readonly Result[]): string[] {
  const lines = results.flatMap((result) => {
    if ('missing' in result) return [`* ${result.suite}: ${result.engine} is missing: ${result.missing}`]
    if ('error' in result) return [`* ${result.suite}, ${result.metric}: ${result.engine}${result.form === undefined ? '' : ` (${result.form})`} failed: ${result.error}`]
    return []
  })
  return lines.length === 0 ? [] : ['', ...new Set(lines)]
}
