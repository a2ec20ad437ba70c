import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pauseBeforeMs, ReceiverLink } from './receiver-link.ts'
import { VirtualPorts } from './virtual-ports.ts'

const lost = { code: 1006, reason: 'connection refused' }

function createLink(reaction: 'retry' | 'retry-late' | 'stop' = 'retry') {
  const ports = new VirtualPorts()
  const heard: string[] = []
  const losses: string[] = []
  const link = new ReceiverLink({
    url: 'ws://r/x',
    ports,
    onOpen: () => heard.push('open'),
    onMessage: (text) => heard.push(text),
    onLost: ({ reason }) => {
      losses.push(reason)
      return reaction
    },
  })
  ports.run(0)
  return { ports, link, heard, losses }
}

describe('receiver link', () => {
  it('pauses 50 ms at first and a second at most, with jitter of half', () => {
    const table: [attempt: number, least: number, most: number][] = [
      [0, 25, 50],
      [1, 50, 100],
      [4, 400, 800],
      [5, 500, 1_000],
      [1_000, 500, 1_000],
    ]
    for (const [attempt, least, most] of table) {
      assert.equal(pauseBeforeMs(attempt, 0), least)
      assert.equal(pauseBeforeMs(attempt, 1), most)
    }
  })

  it('tries again ever more slowly while it is not accepted, and quickly again after it was', () => {
    const { ports, link } = createLink()
    const pauses: number[] = []
    for (let attempt = 0; attempt < 7; attempt++) {
      const from = ports.now()
      const { length } = ports.sockets
      ports.last.lose(lost)
      while (ports.sockets.length === length) ports.run(1)
      pauses.push(ports.now() - from)
    }
    assert.deepEqual(pauses, [50, 100, 200, 400, 800, 1_000, 1_000])
    ports.last.open()
    link.established(3_000)
    ports.last.lose(lost)
    ports.run(50)
    assert.equal(ports.last.state, 'connecting')
  })

  it('does not hurry for a receiver that accepts connections and drops them', () => {
    const { ports } = createLink()
    for (let attempt = 0; attempt < 6; attempt++) {
      ports.last.open()
      ports.last.lose(lost)
      ports.run(1_000)
    }
    const { length } = ports.sockets
    ports.last.lose(lost)
    ports.run(900)
    assert.equal(ports.sockets.length, length)
  })

  it('leaves a silent receiver, but looks once more before it does: it may have stalled itself', () => {
    const { ports, link, losses } = createLink()
    ports.last.open()
    link.established(1_000)
    ports.run(3_000 + 99)
    assert.deepEqual(losses, [])
    ports.last.hear('x')
    ports.run(1_099)
    assert.deepEqual(losses, [])
    ports.run(1)
    assert.deepEqual(losses, ['silent for 1100 ms'])
    ports.run(50)
    assert.equal(ports.sockets.length, 2)
  })

  it('hears and says nothing on a connection that it has left', () => {
    const { ports, link, heard } = createLink()
    const first = ports.last
    first.open()
    first.lose(lost)
    first.hear('late')
    link.send('x')
    assert.deepEqual([heard, first.sent], [['open'], []])
  })

  it('queues no more for a receiver that takes nothing', () => {
    const { ports, link } = createLink()
    ports.last.open()
    ports.last.bufferedAmount = 1024 * 1024
    link.send('{}')
    assert.deepEqual(ports.last.sent, [])
  })

  it('stops or waits long when told so', () => {
    const stopped = createLink('stop')
    stopped.ports.last.lose(lost)
    stopped.ports.run(60_000)
    assert.equal(stopped.ports.sockets.length, 1)
    const late = createLink('retry-late')
    late.ports.last.lose(lost)
    late.ports.run(9_999)
    assert.equal(late.ports.sockets.length, 1)
    late.ports.run(1)
    assert.equal(late.ports.sockets.length, 2)
  })

  it('leaves nothing behind when it is closed, in whatever state', () => {
    for (const bring of [
      () => undefined,
      (ports: VirtualPorts) => ports.last.open(),
      (ports: VirtualPorts) => ports.last.lose(lost),
    ]) {
      const { ports, link } = createLink()
      bring(ports)
      link.close()
      assert.equal(ports.waiting, 0)
      ports.run(60_000)
      assert.deepEqual([ports.sockets.length, ports.last.state], [1, 'closed'])
    }
  })
})
