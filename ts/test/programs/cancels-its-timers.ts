import { cancelTimer, exit, receive, self, send, sendAfter, spawn } from '../../src/index.js'

cancelTimer(sendAfter(600_000, self<string>(), 'never'))
const patient = spawn(function* () {
  yield* receive({ timeout: 600_000 })
})
const root = self<string>()
spawn(function* () {
  sendAfter(600_000, patient, 'never' as never)
  yield
  exit(patient, 'kill')
  send(root, 'done')
})
console.log(await receive())
