/** What was looked at, printed as it goes, and how it came out. */
export class Checks {
  readonly #began = performance.now()
  #passed = 0
  readonly #failures: string[] = []

  constructor(title: string) {
    console.log(title)
  }

  note(text: string): void {
    console.log(`       ${text}`)
  }

  /** One check; `found` says what was wrong if it failed. */
  that(what: string, holds: boolean, found = ''): void {
    console.log(`  ${holds ? 'ok  ' : 'FAIL'} ${what}${holds || found === '' ? '' : `\n         ${found}`}`)
    if (holds) this.#passed++
    else this.#failures.push(what)
  }

  /** One check of many things, of which those that fail are named. */
  all<T>(what: string, things: readonly T[], holds: (thing: T) => boolean, name: (thing: T) => string): void {
    const wrong = things.filter((thing) => !holds(thing)).map(name)
    this.that(what, wrong.length === 0, `not so: ${wrong.slice(0, 5).join(', ')}${wrong.length > 5 ? ` and ${wrong.length - 5} more` : ''}`)
  }

  /** Prints the result; true when nothing failed. */
  conclude(): boolean {
    const seconds = ((performance.now() - this.#began) / 1000).toFixed(1)
    const failed = this.#failures.length
    console.log(`${this.#passed} checks passed, ${failed} failed, in ${seconds} s${failed === 0 ? '' : `: ${this.#failures.join('; ')}`}`)
    return failed === 0
  }
}
