import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { capturedLog } from './captured-log.ts'
import { followDecisions } from './decision-follower.ts'
import type { Decision } from './protocol.ts'
import { VirtualPorts } from './virtual-ports.ts'

function decision(epoch: number, name = 'a'): Decision {
  return { shard: 0, epoch, name, incarnation: `${name}-1`, url: `http://${name}:1`, exactlyOnce: true }
}
const decisions = (...list: Decision[]) => ({ type: 'decisions', decisions: list, intervalMs: 1_000 })
const refused = { code: 1006, reason: 'connection refused' }

function follow(receivers = ['ws://r1'], token?: string) {
  const ports = new VirtualPorts()
  const { log, lines } = capturedLog()
  const follower = followDecisions({ receivers, role: 'balancer', name: 'b', token, log, ports })
  const heard: string[] = []
  follower.on('decision', ({ epoch, name }) => heard.push(`${epoch} ${name}`))
  ports.run(0)
  return { ports, follower, heard, lines }
}

describe('decision follower', () => {
  it('introduces itself with the highest epoch it has seen, and its token', () => {
    const { ports, follower } = follow(['ws://r1:7070/'], 'secret')
    ports.last.open()
    const identity = { role: 'balancer', name: 'b', token: 'secret' }
    assert.deepEqual(ports.last.take(), [{ type: 'follow', version: 1, epoch: 0, ...identity }])
    assert.equal(ports.last.url, 'ws://r1:7070/decisions')
    follower.seen(9)
    ports.last.lose(refused)
    ports.run(50)
    ports.last.open()
    assert.deepEqual(ports.last.take(), [{ type: 'follow', version: 1, epoch: 9, ...identity }])
  })

  it('takes decisions of a higher epoch only, whoever says them', () => {
    const { ports, follower, heard } = follow(['ws://r1', 'ws://r2'])
    const [first, second] = ports.sockets
    first!.open()
    second!.open()
    first!.hear(decisions(decision(3)))
    second!.hear(decisions(decision(2, 'b')))
    second!.hear({ type: 'decided', decision: decision(3, 'b') })
    first!.hear({ type: 'decided', decision: decision(4, 'c') })
    second!.hear({ type: 'decided', decision: decision(4, 'c') })
    assert.deepEqual(heard, ['3 a', '4 c'])
    assert.equal(follower.decision()?.name, 'c')
    assert.equal(follower.decision(1), undefined)
  })

  it('tells figures and first answers only to a receiver that says it takes them, as long as it says so', () => {
    const { ports, follower } = follow(['ws://new', 'ws://old'])
    const [young, old] = ports.sockets
    for (const socket of [young!, old!]) socket.open()
    young!.hear({ ...decisions(decision(3)), takes: ['something-else', 'figures'] })
    old!.hear(decisions(decision(3)))
    for (const socket of [young!, old!]) socket.take()
    const figures = { requestsPerSecond: 1, errorsPerSecond: 0, p50Ms: 1, p99Ms: 2, held: 0, replaysPerSecond: 0 }
    const answer = { shard: 0, epoch: 3, atMs: 5, held: 2 }
    follower.figures(figures)
    follower.firstAnswer(answer)
    assert.deepEqual(young!.take(), [
      { type: 'figures', ...figures },
      { type: 'first-answer', ...answer },
    ])
    assert.deepEqual(old!.take(), [])
    young!.hear({ ...decisions(decision(3)), takes: ['something-else'] }) // another version is there now
    follower.figures(figures)
    assert.deepEqual(young!.take(), [])
  })

  it('keeps the decision while no receiver is there', () => {
    const { ports, follower } = follow()
    ports.last.open()
    ports.last.hear(decisions(decision(3)))
    assert.ok(follower.connected)
    ports.last.lose(refused)
    assert.ok(!follower.connected)
    assert.equal(follower.decision()?.epoch, 3)
  })

  it('leaves a receiver that says nothing for three intervals', () => {
    const { ports } = follow()
    ports.last.open()
    for (let second = 0; second < 10; second++) {
      ports.last.hear(decisions(decision(3)))
      ports.run(1_000)
    }
    assert.equal(ports.sockets.length, 1)
    ports.run(2_500)
    assert.equal(ports.sockets.length, 2)
  })

  it('tells every receiver what it saw, and again one whose decisions stay below', () => {
    const { ports, follower } = follow(['ws://r1', 'ws://r2'])
    for (const socket of ports.sockets) {
      socket.open()
      socket.hear(decisions(decision(3)))
      socket.take()
    }
    follower.report({ incarnation: 'a-1', epoch: 3, kind: 'refused' })
    follower.seen(2)
    follower.seen(7)
    const expected = [
      { type: 'report', incarnation: 'a-1', epoch: 3, kind: 'refused' },
      { type: 'seen', epoch: 7 },
    ]
    for (const socket of ports.sockets) assert.deepEqual(socket.take(), expected)
    ports.last.hear(decisions(decision(3)))
    assert.deepEqual(ports.last.take(), [{ type: 'seen', epoch: 7 }])
    ports.last.hear(decisions(decision(8)))
    assert.deepEqual(ports.last.take(), [])
  })

  it('tells of the members when they have changed, and keeps them while no receiver is there', () => {
    const { ports, follower } = follow()
    const a = { name: 'a', incarnation: 'a-1', url: 'http://a', weight: 1, exactlyOnce: true, phase: 'standby', lag: 0 }
    const heard: unknown[] = []
    follower.on('members', (members) => heard.push(members))
    ports.last.open()
    ports.last.hear(decisions(decision(3)))
    assert.deepEqual(follower.members(), [], 'as of a receiver that knows no members')
    const whole = { type: 'members', first: true, last: true }
    ports.last.hear({ ...whole, members: [a] })
    ports.last.hear({ ...whole, members: [a] })
    for (const wrong of [{ weight: 0 }, { url: 'ftp://a' }, { lag: -1 }, { name: 'a b' }, { phase: 'well' }])
      ports.last.hear({ ...whole, members: [{ ...a, ...wrong }] })
    assert.deepEqual(heard, [[a]])
    ports.last.lose(refused)
    assert.equal(follower.members(), heard[0])
    ports.run(1_000)
    ports.last.open()
    ports.last.hear({ type: 'members-changed', members: [{ ...a, name: 'b' }], left: [] })
    assert.deepEqual(follower.members(), [a, { ...a, name: 'b' }])
    ports.last.hear({ ...whole, members: [] })
    assert.deepEqual([follower.members(), heard.length], [[], 3])
  })

  it('skips what it does not understand', () => {
    const { ports, heard } = follow()
    ports.last.open()
    for (const text of ['', 'null', '[]', '{"type":"decided"}', '{"type":"new thing"}']) ports.last.hear(text)
    ports.last.hear(decisions(decision(1)))
    assert.deepEqual(heard, ['1 a'])
  })

  it('says what it waits for once, and again every ten seconds', () => {
    const { ports, lines } = follow()
    for (let tenth = 0; tenth < 250; tenth++) {
      if (ports.last.state === 'connecting') ports.last.lose(refused)
      ports.run(100)
    }
    const waiting = lines.filter(({ event }) => event === 'waiting').map(({ msg }) => msg)
    assert.deepEqual(waiting, Array(3).fill('waiting for a receiver: ws://r1/decisions (connection refused)'))
  })

  it('reports a wrong token as an error and does not hammer', () => {
    const { ports, lines } = follow()
    ports.last.open()
    ports.last.lose({ code: 3000, reason: 'wrong or missing token' })
    ports.run(9_000)
    assert.equal(ports.sockets.length, 1)
    const [error] = lines.filter(({ level }) => level === 50)
    assert.equal(error?.msg, 'ws://r1/decisions refuses: wrong or missing token')
  })

  it('refuses an address that is none', () => {
    for (const receiver of ['localhost:7070', 'http://x', ''])
      assert.throws(() => follow([receiver]), { code: 'BAD_URL' })
  })

  it('is silent after its close', () => {
    const { ports, follower, heard } = follow()
    ports.last.open()
    follower.close()
    follower.report({ incarnation: 'a-1', epoch: 3, kind: 'refused' })
    ports.last.hear(decisions(decision(1)))
    ports.run(60_000)
    assert.deepEqual([heard, ports.sockets.length, ports.waiting], [[], 1, 0])
  })
})
