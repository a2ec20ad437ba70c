/** Holds idle and slow clients in a process of its own, until it is told to let them go. */
import { connect, type Socket } from 'node:net'

/** What the process is asked: to hold so many, to say how many are still there, to let all go. */
export type CrowdQuestion =
  | { type: 'hold'; port: number; idle: number; slow: number }
  | { type: 'count' }
  | { type: 'release' }
export interface CrowdAnswer {
  idle: number
  slow: number
}

interface Held {
  socket: Socket
  kind: 'idle' | 'slow'
}

/** A slow client sends a byte, or takes a little, each half second; they do not do it all at once. */
const slots = 50
const slotMs = 10
const takenBytes = 512
/** So many connections are opened at a time. */
const openingAtOnce = 100
const head = 'Host: a.example\r\n'

const held = new Set<Held>()
const drips: (() => void)[] = []

/** Clients come from many addresses, as they do. */
function open(port: number, index: number, kind: Held['kind']): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.1.${1 + (index % 200)}` })
    const one = { socket, kind }
    socket.once('connect', () => {
      held.add(one)
      resolve(socket)
    })
    socket.once('error', reject)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => held.delete(one))
  })
}

/** Half have asked for something before, half for nothing yet. */
async function beIdle(port: number, index: number): Promise<void> {
  const socket = await open(port, index, 'idle')
  socket.resume()
  if (index % 2 === 0) socket.write(`GET / HTTP/1.1\r\n${head}\r\n`)
}

/** In turn: a head that never ends, a body that never ends, an answer that is hardly taken. */
async function beSlow(port: number, index: number): Promise<void> {
  const socket = await open(port, index, 'slow')
  if (index % 3 === 2) {
    socket.write(`GET /large HTTP/1.1\r\n${head}\r\n`)
    socket.pause()
    drips.push(() => socket.read(takenBytes))
    return
  }
  socket.resume()
  const start =
    index % 3 === 0 ? `GET / HTTP/1.1\r\n${head}X: ` : `POST / HTTP/1.1\r\n${head}Content-Length: 100000\r\n\r\n`
  socket.write(start)
  drips.push(() => socket.writable && socket.write('x'))
}

async function hold(port: number, idle: number, slow: number): Promise<void> {
  const clients = [
    ...Array.from({ length: idle }, (_, index) => () => beIdle(port, index)),
    ...Array.from({ length: slow }, (_, index) => () => beSlow(port, index)),
  ]
  for (let at = 0; at < clients.length; at += openingAtOnce) {
    await Promise.all(clients.slice(at, at + openingAtOnce).map((client) => client()))
  }
}

function count(): CrowdAnswer {
  const all = [...held]
  return {
    idle: all.filter(({ kind }) => kind === 'idle').length,
    slow: all.filter(({ kind }) => kind === 'slow').length,
  }
}

let slot = 0
setInterval(() => {
  slot = (slot + 1) % slots
  for (let index = slot; index < drips.length; index += slots) drips[index]!()
}, slotMs)

process.on('message', async (question: CrowdQuestion) => {
  if (question.type === 'hold') await hold(question.port, question.idle, question.slow)
  if (question.type === 'release') {
    drips.length = 0
    for (const { socket } of held) socket.destroy()
    held.clear()
  }
  process.send!(count())
})
process.on('disconnect', () => process.exit())
process.send!(count())
