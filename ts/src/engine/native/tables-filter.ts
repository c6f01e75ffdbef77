/** Filters and projections as Rust reads them, see docs/design/native-tables.md. */
import { type Filter, type Operand, type Path, type Projection, TERM_TYPES } from '../../ets-filter.js'
import { encodeKey, encodeTerm } from '../../term/encode.js'
import type { TermWriter } from '../../term/writer.js'

const TRUE = 0x00
const AND = 0x01
const OR = 0x02
const NOT = 0x03
const IS_TYPE = 0x20
const PATH = 0x00
const TERM = 0x01
const ELEMENT = 0x00
const PROPERTY = 0x01
const WHOLE_ROW = 0x00
const ONE_VALUE = 0x01
const ARRAY_OF_VALUES = 0x02

/** Most parts that one `and` or `or` has room for. */
const MOST_PARTS = 255

export function writeFilter(writer: TermWriter, filter: Filter): void {
  switch (filter.op) {
    case 'true':
      return writer.byte(TRUE)
    case 'and':
    case 'or':
      return writeParts(writer, filter.op, filter.parts)
    case 'not':
      writer.byte(NOT)
      return writeFilter(writer, filter.part)
    case 'is':
      writer.byte(IS_TYPE)
      writeOperand(writer, filter.operand)
      return writer.byte(TERM_TYPES[filter.type])
    case 'compare':
      writer.byte(filter.comparison)
      writeOperand(writer, filter.left)
      writeOperand(writer, filter.right)
  }
}

/** What is beyond the room of one goes into another of the same kind, as its last part. */
function writeParts(writer: TermWriter, op: 'and' | 'or', parts: readonly Filter[]): void {
  writer.byte(op === 'and' ? AND : OR)
  const direct = parts.length <= MOST_PARTS ? parts : parts.slice(0, MOST_PARTS - 1)
  writer.byte(parts.length <= MOST_PARTS ? parts.length : MOST_PARTS)
  for (const part of direct) writeFilter(writer, part)
  if (direct !== parts) writeParts(writer, op, parts.slice(MOST_PARTS - 1))
}

function writeOperand(writer: TermWriter, operand: Operand): void {
  if ('path' in operand) {
    writer.byte(PATH)
    writePath(writer, operand.path)
  } else {
    writer.byte(TERM)
    encodeKey(writer, operand.term, 'where')
  }
}

function writePath(writer: TermWriter, path: Path): void {
  writer.byte(path.length)
  for (const step of path) {
    if (typeof step === 'number') {
      writer.byte(ELEMENT)
      writer.uint32(step)
    } else {
      writer.byte(PROPERTY)
      encodeTerm(writer, step)
    }
  }
}

export function writeProjection(writer: TermWriter, projection: Projection): void {
  if (projection === 'row') return writer.byte(WHOLE_ROW)
  if ('path' in projection) {
    writer.byte(ONE_VALUE)
    return writePath(writer, projection.path)
  }
  writer.byte(ARRAY_OF_VALUES)
  writer.byte(projection.paths.length)
  for (const path of projection.paths) writePath(writer, path)
}
