import { receive, self, send, spawn } from '../../src/index.js'

// Both wait for messages that nobody will send: nothing is left to do.
spawn(function* () {
  for (;;) yield* receive()
})
spawn(async () => {
  for (;;) await receive()
})
const root = self<string>()
spawn(function* () {
  send(root, 'done')
})
console.log(await receive())
