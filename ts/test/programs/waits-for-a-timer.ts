import { receive, sendAfter, spawn, TIMEOUT } from '../../src/index.js'

const waiter = spawn(function* () {
  console.log(yield* receive())
  console.log((yield* receive({ timeout: 30 })) === TIMEOUT ? 'timeout' : 'message')
})
sendAfter(30, waiter, 'tick' as never)
