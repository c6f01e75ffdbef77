import { RecordShapes, type ShapeAddon } from './record-shapes.js'
import { type BinaryAddon, SharedBinaries } from './shared-binaries.js'

export type SharedAddon = BinaryAddon & ShapeAddon

/** What messages refer to instead of bringing it along. One for each isolate, for all that writes and reads messages there. */
export class Shared {
  readonly binaries: SharedBinaries
  readonly shapes: RecordShapes

  constructor(addon: SharedAddon) {
    this.binaries = new SharedBinaries(addon)
    this.shapes = new RecordShapes(addon)
  }
}
