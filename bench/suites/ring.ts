import { performance } from 'node:perf_hooks'
import { type Coroutine, exit, type Pid, receive, self, send, spawn } from '../../ts/src/index.js'
import { type Figures, inProcess, type Jobs, rateSince } from './jobs.js'

const MEMBERS = 1_000

type MemberArguments = [starter: Pid<string>, successor: Pid<number> | null]

/** A token is a number that counts down; whoever gets 0 tells the starter. */
function* member(starter: Pid<string>, successor: Pid<number> | null): Coroutine<void> {
  const next = successor ?? (yield* receive<Pid<number>>())
  for (;;) {
    const left = yield* receive<number>()
    if (left === 0) send(starter, 'token ended')
    else send(next, left - 1)
  }
}

function* hops(count: number, tokens: number): Coroutine<Figures> {
  const starter = self<string>()
  const last = spawn<number | Pid<number>, MemberArguments>(member, starter, null)
  const ring: Pid<number>[] = [last]
  let first: Pid<number> = last
  for (let i = 1; i < MEMBERS; i++) {
    first = spawn<number, MemberArguments>(member, starter, first)
    ring.push(first)
  }
  send(last, first)
  const each = Math.floor(count / tokens)
  const start = performance.now()
  for (let i = 0; i < tokens; i++) send(first, each - 1)
  for (let i = 0; i < tokens; i++) yield* receive()
  const figures = rateSince(start, each * tokens)
  for (const pid of ring) exit(pid, 'kill')
  return figures
}

export const jobs: Jobs = {
  one_token: (count) => inProcess(() => hops(count, 1)),
  hundred_tokens: (count) => inProcess(() => hops(count, 100)),
}
