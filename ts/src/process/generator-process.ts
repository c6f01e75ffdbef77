import { ErrorCode, VigaError } from '../errors.js'
import { SliceEnd, type Wake } from '../engine/engine.js'
import { Process } from './process.js'
import { reasonOfThrown } from './reason.js'

/** A generator suspended at a viga operation yields how its slice ends; a bare `yield` gives way to other processes. */
export type Coroutine<T = void> = Generator<SliceEnd | undefined, T, unknown>

/** A generator function and its arguments, not called yet: it must run inside its own process. */
class Beginning {
  readonly body: (...args: never[]) => Coroutine
  readonly args: readonly unknown[]

  constructor(body: (...args: never[]) => Coroutine, args: readonly unknown[]) {
    this.body = body
    this.args = args
  }

  begin(): Coroutine {
    return (this.body as (...args: readonly unknown[]) => Coroutine)(...this.args)
  }
}

/** A process whose body is a generator: resumed once a slice, with no promise and no queue between. */
export class GeneratorProcess extends Process {
  private body: Beginning | Coroutine | null

  constructor(body: (...args: never[]) => Coroutine, args: readonly unknown[]) {
    super()
    this.body = new Beginning(body, args)
  }

  run(_wake: Wake): SliceEnd {
    try {
      let body = this.body
      if (body instanceof Beginning) this.body = body = body.begin()
      const step = (body as Coroutine).next()
      return step.done === true ? this.end('normal') : sliceEndOf(step.value)
    } catch (thrown) {
      return this.end(reasonOfThrown(thrown))
    }
  }

  bury(): void {
    this.body = null
  }
}

/** How the slice of a coroutine ended that yielded `yielded`. Throws ERR_VIGA_WRONG_BODY for what is no slice end. */
export function sliceEndOf(yielded: unknown): SliceEnd {
  switch (yielded) {
    case SliceEnd.Wait:
    case SliceEnd.Yield:
    case SliceEnd.Outcome:
    case SliceEnd.Hold:
      return yielded
    case undefined:
      return SliceEnd.Yield
    default:
      throw new VigaError(
        ErrorCode.WrongBody,
        `a generator body yielded a ${typeof yielded}; it may yield nothing, or delegate (yield*) to receive() and other viga operations`,
      )
  }
}
