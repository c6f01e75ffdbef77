import { receive, Runtime, spawn } from '../../src/index.js'

process.on('uncaughtException', () => console.log('uncaughtException'))
const runtime = Runtime.start()
spawn(async () => {
  await Promise.reject(new Error('nobody hears'))
})
const waiting = receive().then(
  () => console.log('a message'),
  (error: unknown) => console.log((error as { code: string }).code),
)
setTimeout(() => runtime.stop(), 5)
await waiting
console.log('ends')
