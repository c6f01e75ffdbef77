/** The page: a chat on the left (chat-client.js does the work), and what /status says of the inside on the right. */
import { ChatClient } from './chat-client.js'

const $ = (id) => document.getElementById(id)

/** An element with text in it; never with markup, since all of it comes from other people. */
function element(tag, className, text) {
  const made = document.createElement(tag)
  if (className) made.className = className
  if (text !== undefined) made.textContent = text
  return made
}

// --- the chat

const RECONNECT_MS = 1_000
let client
let socket

function show(item) {
  const lines = $('lines')
  const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40
  lines.append(item)
  if (atEnd) lines.scrollTop = lines.scrollHeight
}

function showNotice(text, className = '') {
  show(element('li', `notice ${className}`, text))
}

function lineItem(number, author, text) {
  const item = element('li')
  const said = element('span')
  said.append(element('b', '', author), text)
  item.append(element('span', 'number', number), said)
  return item
}

function onNotice(notice) {
  switch (notice.type) {
    case 'joined':
      showNotice(notice.session === 1 ? `you are in ${notice.room}` : `${notice.room} is back, with its ${notice.sequence} lines`, 'back')
      break
    case 'lost':
      showNotice(`${notice.room} is gone: ${notice.reason}`, 'lost')
      break
    case 'error':
      showNotice(notice.message, 'lost')
      break
  }
  if (notice.type === 'joined' || notice.type === 'lost') refresh()
}

function connect() {
  const opening = new WebSocket(location.origin.replace(/^http/, 'ws'))
  socket = opening
  opening.addEventListener('open', () => client.attach(opening))
  opening.addEventListener('close', () => {
    if (socket !== opening) return
    showNotice('no connection; trying again', 'lost')
    setTimeout(() => socket === opening && connect(), RECONNECT_MS)
  })
}

function enter() {
  const room = $('room').value.trim()
  const name = $('name').value.trim()
  if (room === '' || name === '') return
  sessionStorage.setItem('name', name)
  history.replaceState(null, '', `#${encodeURIComponent(room)}`)
  const leaving = socket
  socket = undefined
  leaving?.close()
  $('lines').replaceChildren()
  client = new ChatClient({ room, name, id: crypto.randomUUID() })
  client.onLine = ({ sequence, author, text }) => show(lineItem(sequence, author, text))
  client.onNotice = onNotice
  connect()
}

$('enter').addEventListener('submit', (event) => {
  event.preventDefault()
  enter()
  $('text').focus()
})

$('say').addEventListener('submit', (event) => {
  event.preventDefault()
  const text = $('text').value.trim()
  if (text === '') return
  $('text').value = ''
  const item = lineItem('…', $('name').value, text)
  item.classList.add('pending')
  show(item)
  // The acknowledgement comes after the line itself: what was pending is there twice for a moment at most.
  client.say(text).then(() => item.remove(), () => item.remove())
})

for (const button of document.querySelectorAll('[data-crash]'))
  button.addEventListener('click', () => {
    if (socket?.readyState === WebSocket.OPEN) client.send({ type: 'crash', how: button.dataset.crash })
  })

// --- the inside

const REFRESH_MS = 1_000

const grouped = (n) => n.toLocaleString('en')
const short = (n) => (n < 10_000 ? grouped(n) : n < 1e6 ? `${Math.round(n / 1e3)} k` : `${(n / 1e6).toFixed(1)} M`)

function row(...cells) {
  const made = element('tr')
  made.append(...cells)
  return made
}

const cell = (text, className) => element('td', className, text)
const number = (n) => cell(short(n), 'n')

function showCounts({ counts, restarts, memory }) {
  const shown = { ...counts, restarts, 'runtime bytes': memory.blockBytes, 'V8 heap bytes': memory.heapUsed }
  const tiles = Object.entries(shown).map(([name, value]) => {
    const tile = element('div')
    tile.append(element('dt', '', name), element('dd', '', short(value)))
    return tile
  })
  $('counts').replaceChildren(...tiles)
}

function showRooms(rooms) {
  rooms.sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
  $('rooms').replaceChildren(...rooms.map(({ name, pid, members, sequence }) => row(cell(name), cell(pid, 'pid'), number(members), number(sequence))))
  $('rooms-open').replaceChildren(...rooms.map(({ name }) => Object.assign(element('option'), { value: name })))
}

function showTables(tables) {
  $('tables').replaceChildren(...tables.map(({ name, kind, size, memory }) => row(cell(name), cell(kind), number(size), number(memory))))
}

/** Processes under the ones that started them. */
function showProcesses(processes) {
  const children = groupByParent(processes)
  const known = new Set(processes.map(({ pid }) => pid))
  const rows = []
  const add = (process, depth) => {
    const name = element('td')
    name.append(element('i', '', depth === 0 ? '' : `${'  '.repeat(depth - 1)}└ `), process.label || 'process')
    rows.push(row(name, cell(process.pid, 'pid'), number(process.reductions), number(process.memory)))
    for (const child of children.get(process.pid) ?? []) add(child, depth + 1)
  }
  for (const process of processes) if (process.parent === null || !known.has(process.parent)) add(process, 0)
  $('processes').replaceChildren(...rows)
}

function groupByParent(processes) {
  const groups = new Map()
  for (const process of processes) groups.set(process.parent, [...(groups.get(process.parent) ?? []), process])
  return groups
}

function showEvents(events) {
  const items = [...events].reverse().map(({ at, room, what, reason }) => {
    const item = element('li')
    const detail = reason === '' ? '' : `: ${reason}`
    item.append(element('time', '', new Date(at).toLocaleTimeString('en-GB')), element('span', what, `${room} ${what}${detail}`))
    return item
  })
  $('events').replaceChildren(...items)
}

async function refresh() {
  try {
    const status = await (await fetch('/status')).json()
    $('where').textContent = `${status.engine} engine, up for ${Math.round(status.uptime / 1000)} s`
    showCounts(status)
    showRooms(status.rooms)
    showTables(status.tables)
    showProcesses(status.processes)
    showEvents(status.events)
  } catch {
    $('where').textContent = 'the service does not answer'
  }
}

setInterval(() => {
  if (!document.hidden) void refresh()
}, REFRESH_MS)

$('room').value = decodeURIComponent(location.hash.slice(1)) || 'lobby'
$('name').value = sessionStorage.getItem('name') || `guest ${Math.floor(Math.random() * 900 + 100)}`
enter()
void refresh()
