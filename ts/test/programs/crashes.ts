import { receive, self, send, spawn } from '../../src/index.js'

process.on('uncaughtException', () => console.log('uncaughtException'))
process.on('unhandledRejection', () => console.log('unhandledRejection'))
spawn(() => {
  throw new Error('plain')
})
spawn(function* () {
  throw new Error('generator')
})
spawn(async () => {
  throw new Error('async')
})
spawn({
  message: () => {
    throw new Error('callback')
  },
})
const root = self<string>()
spawn(async () => {
  await new Promise((resolve) => setImmediate(resolve))
  send(root, 'lives on')
})
console.log(await receive())
