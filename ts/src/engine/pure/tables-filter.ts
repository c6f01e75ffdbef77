/** Evaluates filters over rows, and finds out what they say about the key. */
import { Comparison, type Filter, type Operand, type Path, type Projection, typeOfTerm } from '../../ets-filter.js'
import { copyTerm } from '../../term/copy.js'
import { compareTerms } from '../../term/order.js'
import type { KeyRange, StoredRow } from '../stores.js'
import { privateKey } from './tables-key.js'
import { WHOLE } from './tables-rows.js'

export type RowTest = (row: StoredRow) => boolean

/** The filter as a function. Constants in it are checked to be terms. */
export function compileFilter(filter: Filter): RowTest {
  switch (filter.op) {
    case 'true':
      return () => true
    case 'and': {
      const tests = filter.parts.map(compileFilter)
      return (row) => tests.every((test) => test(row))
    }
    case 'or': {
      const tests = filter.parts.map(compileFilter)
      return (row) => tests.some((test) => test(row))
    }
    case 'not': {
      const test = compileFilter(filter.part)
      return (row) => !test(row)
    }
    case 'is': {
      const value = compileOperand(filter.operand)
      return (row) => typeOfTerm(value(row)) === filter.type
    }
    case 'compare': {
      const left = compileOperand(filter.left)
      const right = compileOperand(filter.right)
      const holds = verdict(filter.comparison)
      return (row) => holds(compareTerms(left(row), right(row)))
    }
  }
}

function verdict(comparison: Comparison): (difference: number) => boolean {
  switch (comparison) {
    case Comparison.Eq:
      return (difference) => difference === 0
    case Comparison.Ne:
      return (difference) => difference !== 0
    case Comparison.Lt:
      return (difference) => difference < 0
    case Comparison.Le:
      return (difference) => difference <= 0
    case Comparison.Gt:
      return (difference) => difference > 0
    case Comparison.Ge:
      return (difference) => difference >= 0
  }
}

function compileOperand(operand: Operand): (row: StoredRow) => unknown {
  if ('path' in operand) return (row) => valueAt(row, operand.path)
  const term: unknown = copyTerm(operand.term, 'where')
  return () => term
}

/** What `path` leads to; undefined where it leads nowhere. */
function valueAt(row: StoredRow, path: Path): unknown {
  let value: unknown = row
  for (const step of path) {
    if (typeof step === 'number') value = Array.isArray(value) ? (value as unknown[])[step] : undefined
    else if (typeOfTerm(value) === 'object' && Object.hasOwn(value as object, step))
      value = (value as Record<string, unknown>)[step]
    else return undefined
  }
  return value
}

/** What a selection gives of a row: a private copy. */
export function compileProjection(projection: Projection): (row: StoredRow) => unknown {
  if (projection === 'row') return (row) => copyTerm(row)
  if ('path' in projection) return (row) => copyTerm(valueAt(row, projection.path))
  return (row) => projection.paths.map((path) => copyTerm(valueAt(row, path)))
}

/** The range of keys outside of which `filter` holds for no row: from comparisons of the key with constants. */
export function keyRangeOf(filter: Filter, keyPosition: number): KeyRange {
  let range = WHOLE
  for (const part of filter.op === 'and' ? filter.parts : [filter]) range = narrow(range, part, keyPosition)
  return range
}

/** The one key that `filter` holds for, if it says so; `found` false otherwise. */
export function singleKeyOf(filter: Filter, keyPosition: number): { readonly found: boolean; readonly key?: unknown } {
  for (const part of filter.op === 'and' ? filter.parts : [filter]) {
    const bound = keyComparison(part, keyPosition)
    if (bound !== null && bound.comparison === Comparison.Eq) return { found: true, key: bound.key }
  }
  return { found: false }
}

function narrow(range: KeyRange, filter: Filter, keyPosition: number): KeyRange {
  const bound = keyComparison(filter, keyPosition)
  if (bound === null) return range
  const { comparison, key } = bound
  const exclusive = comparison === Comparison.Lt || comparison === Comparison.Gt
  const fromBelow = comparison === Comparison.Eq || comparison === Comparison.Gt || comparison === Comparison.Ge
  const fromAbove = comparison === Comparison.Eq || comparison === Comparison.Lt || comparison === Comparison.Le
  return {
    from: fromBelow && (range.from === null || compareTerms(key, range.from.key) > 0) ? { key, exclusive } : range.from,
    to: fromAbove && (range.to === null || compareTerms(key, range.to.key) < 0) ? { key, exclusive } : range.to,
  }
}

/** A comparison of the key with a constant, the key standing left. */
function keyComparison(filter: Filter, keyPosition: number): { comparison: Comparison; key: unknown } | null {
  if (filter.op !== 'compare') return null
  const { left, right, comparison } = filter
  if (isKey(left, keyPosition) && 'term' in right) return { comparison, key: privateKey(right.term) }
  if (isKey(right, keyPosition) && 'term' in left) return { comparison: turned(comparison), key: privateKey(left.term) }
  return null
}

function isKey(operand: Operand, keyPosition: number): boolean {
  return 'path' in operand && operand.path.length === 1 && operand.path[0] === keyPosition
}

function turned(comparison: Comparison): Comparison {
  switch (comparison) {
    case Comparison.Lt:
      return Comparison.Gt
    case Comparison.Le:
      return Comparison.Ge
    case Comparison.Gt:
      return Comparison.Lt
    case Comparison.Ge:
      return Comparison.Le
    default:
      return comparison
  }
}
