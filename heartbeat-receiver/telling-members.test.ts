import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import { capturedLog } from './captured-log.ts'
import { type DecisionFollower, followDecisions } from './decision-follower.ts'
import { wholeList } from './member-messages.ts'
import type { Member } from './protocol.ts'
import { deadUrl, heartbeatOf, joinBackend, Peer, startTestReceiver } from './test-receiver.ts'
import { WebSocketSide } from './websocket-server.ts'

function follow(t: TestContext, url: string): DecisionFollower {
  const follower = followDecisions({ receivers: [url], role: 'observer', name: 'o', log: capturedLog().log })
  t.after(() => follower.close())
  return follower
}

async function untilKnown(follower: DecisionFollower, expected: string): Promise<void> {
  const shown = () =>
    follower
      .members()
      .map(({ name, phase }) => `${name} ${phase}`)
      .sort()
      .join(', ')
  while (shown() !== expected) await once(follower, 'members')
}

describe('telling members, over real sockets', () => {
  it('a follower knows who is there, from its first moment on, over a death and over a restart of the receiver', async (t) => {
    const first = await startTestReceiver(t)
    const a = await joinBackend(t, first, 'a', { url: await deadUrl(), weight: 3, exactlyOnce: false })
    const early = follow(t, first.url)
    await untilKnown(early, 'a standby')
    assert.deepEqual(early.members(), [
      {
        ...{ name: 'a', incarnation: 'a-1', url: early.members()[0]!.url, weight: 3, exactlyOnce: false },
        ...{ phase: 'standby', lag: 0 },
      },
    ])
    const b = await joinBackend(t, first, 'b')
    b.say(heartbeatOf({ sequence: 2, phase: 'settling', lag: 4 }))
    await untilKnown(early, 'a standby, b settling')
    const late = follow(t, first.url)
    await untilKnown(late, 'a standby, b settling')
    a.kill()
    await Promise.all([untilKnown(early, 'b settling'), untilKnown(late, 'b settling')])

    await first.stop()
    assert.equal(late.members().length, 1, 'losing the receiver costs nobody a member')
    const second = await startTestReceiver(t, { port: first.port })
    await joinBackend(t, second, 'c')
    await untilKnown(late, 'b settling, c standby')
    await untilKnown(late, 'c standby') // b did not come back in two seconds
    const last = follow(t, second.url)
    await untilKnown(last, 'c standby')
  })

  it('a whole list of many thousands goes out as fast as it is read, with little of it in memory', async (t) => {
    const members = Array.from({ length: 20_000 }, (_, index): Member => {
      const name = `n${index}`
      return {
        ...{
          name,
          incarnation: `${name}-1`,
          url: `http://${name}:80/${'x'.repeat(100)}`,
          weight: 1,
          exactlyOnce: true,
        },
        ...{ phase: 'standby', lag: 0 },
      }
    })
    const server = createServer().listen(0, '127.0.0.1')
    t.after(() => server.close())
    await once(server, 'listening')
    const { log, lines } = capturedLog()
    const side = new WebSocketSide({
      ...{ server, token: undefined, log, limits: { bufferedBytesMax: 64 * 1024 } },
      ...{ take: () => undefined, onHeartbeat: () => undefined },
      balancers: {
        balancerJoined: () => undefined,
        balancerLeft: () => undefined,
        figures: () => undefined,
        firstAnswer: () => undefined,
      },
      welcomeFollower: () => wholeList(members),
    })
    t.after(() => side.closeAll(100))
    const { port } = server.address() as { port: number }
    const peer = await new Peer(t, `ws://127.0.0.1:${port}/decisions`).open()
    peer.say({ type: 'follow', version: 1, role: 'observer', name: 'o', epoch: 0 })
    await peer.hear('members')
    peer.socket.pause()
    side.tellAll(() => wholeList(members)) // instead of the list under way
    setTimeout(() => peer.socket.resume(), 100)
    await peer.hear('members', ({ last }) => last === true)
    const begins = peer.messages.findLastIndex(({ first }) => first === true)
    const told = peer.messages.slice(begins).flatMap((message) => message.members as Member[])
    assert.deepEqual(told, members)
    assert.deepEqual(lines, [], 'nobody was let go for not reading')
  })
})
