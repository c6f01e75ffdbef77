import { type Down, ets, exit, genServer, isDown, monitor, receive, reply, Supervisor, Task, whereis } from '../../src/index.js'

const Counter = genServer({
  init: (start: number) => start,
  call: { get: (n) => reply(n, n), add: (n, by: number) => reply(n + by, n + by) },
})
const tree = await Supervisor.start([Counter.child(40, { name: 'counter' })])
const sum = await Counter.at('counter').call.add(2)
const watch = monitor('counter')
const counter = whereis('counter')
if (counter !== undefined) exit(counter, 'kill')
const down = await receive((message): message is Down => isDown(message, watch))
await tree.countChildren()
const again = await Counter.at('counter').call.get()
const three = await Task.async(async () => 1 + 2).await()
const table = ets.create<[number, string]>({ kind: 'orderedSet' })
table.insert([1, 'row'])
console.log(sum, down.reason, again, three, table.lookup(1)?.[1])
