/**
 * The door: HTTP for the page and the status, WebSockets for the conversation. Each WebSocket is handed to a process of its own
 * (connection.ts). The door only remembers which socket belongs to which process, so that no socket outlives its process.
 */
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { DynamicSupervisor, genServer, isDown, monitor, type Pid, reply, self, settled, spawnWith, stop, trapExit } from './viga.js'
import { connection, type ConnectionRules } from './connection.js'
import { limits } from './protocol.js'
import { Status } from './status.js'

const SUPERVISOR = 'connection-supervisor'
const MOST_CONNECTIONS = 10_000
/** What clients get to take their leave when the service stops. */
const GRACE_MS = 1_000

export const connectionSupervisor = DynamicSupervisor.child({ name: SUPERVISOR, maxChildren: MOST_CONNECTIONS })

export interface WebOptions extends ConnectionRules {
  /** 0 for any that is free. */
  readonly port: number
  readonly host: string
}

/** Why the door did not open: the reason of its StartError. */
export type ListenFailure = readonly ['listen', code: string, port: number]

interface Door {
  readonly server: Server
  readonly webSockets: WebSocketServer
  readonly rules: ConnectionRules
  readonly self: Pid<unknown>
  /** The sockets of the processes that are alive. */
  readonly sockets: Map<string, WebSocket>
}

/** Files of the page, read for each request: edit and reload. */
const files: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['page.html', 'text/html'],
  '/page.css': ['page.css', 'text/css'],
  '/page.js': ['page.js', 'text/javascript'],
  '/chat-client.js': ['chat-client.js', 'text/javascript'],
}

function answer(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }).end(body)
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url?.split('?', 1)[0] ?? '/'
  const file = Object.hasOwn(files, path) ? files[path] : undefined
  if (request.method !== 'GET') answer(response, 405, 'text/plain', 'GET only\n')
  else if (path === '/status') answer(response, 200, 'application/json', JSON.stringify(await Status.at('status').call.snapshot()))
  else if (file !== undefined) answer(response, 200, file[1], await readFile(new URL(file[0], import.meta.url)))
  else answer(response, 404, 'text/plain', 'there is no such page\n')
}

/** Resolves with undefined when `server` listens, or with what went wrong. */
function listening(server: Server, { port, host }: WebOptions): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    server.once('error', resolve)
    server.listen(port, host, () => resolve(undefined))
  })
}

/** Resolves when the last connection is closed. */
function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}

function report(what: string, error: unknown): void {
  process.stderr.write(`chat: ${what}: ${String(error)}\n`)
}

/** Gives a WebSocket that has just come in a process. Runs outside any process, as Node's events do. */
async function admit(socket: WebSocket, door: Door): Promise<void> {
  // Nothing is read before the process listens, so nothing is lost.
  socket.pause()
  // What goes wrong on a socket closes it, which is all that anybody needs to know.
  socket.on('error', () => socket.terminate())
  try {
    const pid = await DynamicSupervisor.at(SUPERVISOR).startChild({
      id: 'connection',
      restart: 'temporary',
      start: () => spawnWith({ link: true, label: 'connection' }, connection, socket, door.rules),
    })
    if (pid === undefined) return socket.terminate()
    door.sockets.set(String(pid), socket)
    Web.at(door.self).cast.attend(pid)
  } catch (error) {
    report('a connection was refused', error)
    socket.close(1013, 'no more connections')
  }
}

function openDoor(server: Server, rules: ConnectionRules): Door {
  const webSockets = new WebSocketServer({ server, maxPayload: limits.frame })
  const door: Door = { server, webSockets, rules, self: self(), sockets: new Map() }
  webSockets.on('connection', (socket) => void admit(socket, door))
  return door
}

export const Web = genServer(import.meta, {
  init: function* (options: WebOptions) {
    trapExit(true)
    const server = createServer((request, response) => {
      serve(request, response).catch((error: unknown) => {
        report('a request failed', error)
        if (!response.headersSent) answer(response, 500, 'text/plain', 'that went wrong\n')
      })
    })
    const failure = yield* settled(listening(server, options))
    if (failure !== undefined) return stop(['shutdown', ['listen', failure.code ?? failure.message, options.port] satisfies ListenFailure])
    server.on('error', (error) => report('the server', error))
    return openDoor(server, options)
  },

  call: {
    port: (door) => reply((door.server.address() as AddressInfo).port, door),
  },

  cast: {
    attend: (door, pid: Pid<unknown>) => {
      monitor(pid)
      return door
    },
  },

  info: (door, message) => {
    if (!isDown(message)) return door
    const pid = String(message.pid)
    door.sockets.get(pid)?.close(1011)
    door.sockets.delete(pid)
    return door
  },

  /** Nobody new comes in; those who are in are asked to go, and after a while are shown out. */
  terminate: function* (door) {
    const over = closed(door.server)
    const sockets = [...door.webSockets.clients]
    for (const socket of sockets) socket.close(1001, 'the service stops')
    door.server.closeIdleConnections()
    const patience = setTimeout(() => {
      for (const socket of sockets) socket.terminate()
      door.server.closeAllConnections()
    }, GRACE_MS)
    yield* settled(over)
    clearTimeout(patience)
  },
})

/** Finds a ListenFailure in the reason of the StartError of whatever the door is a child of. */
export function listenFailure(reason: unknown): ListenFailure | undefined {
  if (!Array.isArray(reason)) return undefined
  if (reason[0] === 'listen') return reason as unknown as ListenFailure
  for (const part of reason) {
    const found = listenFailure(part)
    if (found !== undefined) return found
  }
  return undefined
}
