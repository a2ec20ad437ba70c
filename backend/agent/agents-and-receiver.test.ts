/** The cores of agents and of a receiver together, in virtual time: nothing but the network between them is made up. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Effect, type Input, tickMs } from '../../heartbeat-receiver/events.ts'
import type { Hello } from '../../heartbeat-receiver/protocol.ts'
import { Receiver } from '../../heartbeat-receiver/receiver.ts'
import { AgentCore, type AgentInput } from './agent-core.ts'
import type { CheckOutcome } from './health.ts'

const heartbeatMs = 100

interface Server {
  name: string
  incarnation: string
  core: AgentCore
  connection: number | null
  /** What a check finds. */
  well: boolean
  listens: boolean
  beatAtMs: number
  checkAtMs: number
  exactlyOnce: boolean
}

class World {
  receiver = new Receiver({ shard: 0, heartbeatMs })
  readonly servers = new Map<string, Server>()
  readonly trace: string[] = []
  readonly members = new Map<string, string>()
  nowMs = 0
  #connections = 0
  #later: Input[] = []

  constructor() {
    this.input({ type: 'authorized', decisions: [] })
    this.input({ type: 'authority', untilMs: Number.POSITIVE_INFINITY })
  }

  start(name: string, { incarnation = `${name}-1`, well = true, weight = 1 } = {}): Server {
    const core = new AgentCore({ checkIntervalMs: 1_000, checkFailures: 3 })
    const server: Server = {
      ...{ name, incarnation, core, well, listens: true, exactlyOnce: false },
      ...{ connection: null, beatAtMs: 0, checkAtMs: this.nowMs },
    }
    this.servers.set(name, server)
    this.connect(server, weight)
    return server
  }

  connect(server: Server, weight = 1): void {
    server.connection = ++this.#connections
    const { name, incarnation } = server
    const hello: Hello = {
      ...{ type: 'hello', version: 1, name, incarnation, url: `http://${name}`, weight },
      ...{ direct: true, exactlyOnce: false },
    }
    this.input({ type: 'hello', connection: server.connection, hello })
    this.beat(server)
  }

  get(name: string): Server {
    return this.servers.get(name)!
  }

  /** The server dies, and its agent, which is its parent, says so. */
  kill(name: string): void {
    const server = this.get(name)
    const { connection } = server
    server.connection = null
    const goodbye = { type: 'goodbye', reason: 'its process was killed by SIGKILL', crashed: true } as const
    this.input({ type: 'goodbye', connection: connection!, goodbye: { ...goodbye, lastLines: ['the end'] } })
    this.input({ type: 'closed', connection: connection! })
  }

  agent(server: Server, input: AgentInput): void {
    for (const effect of server.core.step(input)) {
      if (effect.type === 'phase') this.beat(server)
      else if (effect.type === 'check') server.checkAtMs = this.nowMs
      else if (server.connection !== null)
        this.input({
          ...{ type: 'refuse', connection: server.connection },
          refuse: { type: 'refuse', epoch: effect.epoch, reason: effect.reason },
        })
    }
  }

  beat(server: Server): void {
    server.beatAtMs = this.nowMs + heartbeatMs
    if (server.connection === null) return
    const heartbeat = { type: 'heartbeat', sequence: 1, ...server.core.status() } as const
    this.input({ type: 'heartbeat', connection: server.connection, heartbeat })
  }

  run(forMs: number): this {
    for (const endMs = this.nowMs + forMs; this.nowMs < endMs; this.nowMs++) {
      for (const input of this.#later.splice(0)) this.input(input)
      for (const server of this.servers.values()) {
        if (server.connection === null) continue
        if (this.nowMs >= server.checkAtMs) this.#check(server)
        if (this.nowMs >= server.beatAtMs) this.beat(server)
      }
      if (this.nowMs % tickMs === 0) this.input({ type: 'tick' })
    }
    return this
  }

  restart(decisions = this.receiver.decisions): void {
    this.receiver = new Receiver({ shard: 0, heartbeatMs })
    this.#later = []
    for (const server of this.servers.values()) server.connection = null
    this.input({ type: 'authorized', decisions: decisions.map((one) => ({ ...one, direct: true })) })
    this.input({ type: 'authority', untilMs: Number.POSITIVE_INFINITY })
  }

  input(input: Input): void {
    for (const effect of this.receiver.step(input, this.nowMs)) this.#carryOut(effect)
  }

  get leader(): string {
    const [decision] = this.receiver.decisions
    const active = [...this.servers.values()].filter(({ core, connection }) => connection && core.phase === 'active')
    assert.ok(active.length <= 1, 'no two lead for longer than a message takes')
    return decision ? `${decision.incarnation} epoch ${decision.epoch}` : 'nobody'
  }

  take(): string[] {
    return this.trace.splice(0)
  }

  #check(server: Server): void {
    const { listens, well } = server
    const reason = listens ? 'GET /health answered 503' : 'GET /health: connection refused'
    const outcome: CheckOutcome = well && listens ? { ok: true } : { ok: false, refused: !listens, reason }
    this.agent(server, { type: 'checked', outcome })
    server.checkAtMs = this.nowMs + server.core.pauseMs
  }

  #carryOut(effect: Effect): void {
    const to = 'connection' in effect && [...this.servers.values()].find((one) => one.connection === effect.connection)
    switch (effect.type) {
      case 'send': {
        const { message } = effect
        if (!to) return
        if (message.type === 'lead') return this.agent(to, { type: 'lead', epoch: message.epoch })
        if (message.type === 'drain') throw new Error('assertion: an agent takes no drain')
        return this.agent(to, { type: 'epoch', epoch: message.epoch })
      }
      case 'close':
        this.trace.push(`close ${effect.code}: ${effect.reason}`)
        if (to) to.connection = null
        return
      case 'record':
        this.trace.push(`record ${effect.decision.incarnation} epoch ${effect.decision.epoch}: ${effect.reason}`)
        this.#later.push({ type: 'recorded', epoch: effect.decision.epoch })
        return
      case 'probe': {
        const server = this.servers.get(effect.url.slice('http://'.length))
        const outcome = server?.listens ? 'connected' : 'refused'
        this.#later.push({ type: 'probed', incarnation: effect.incarnation, outcome })
        return
      }
      case 'vacant':
        this.trace.push(`vacant: ${effect.reason}`)
        return
      case 'crashed': {
        const { name, reason, proven, lastLines, leader, tookMs } = effect.crash
        const line = `crashed ${name}: ${reason}; leader ${leader?.name ?? 'none'}; in ${tookMs} ms`
        this.trace.push(`${line}; ${proven ? 'proven' : 'not proven'}; ${lastLines.join(' | ')}`)
        return
      }
      case 'members-changed':
        for (const { name, phase } of effect.members) this.members.set(name, phase)
        for (const name of effect.left) this.members.delete(name)
        return
    }
  }
}

/** a leads with epoch 1, b and c are standbys. */
function threeAgents(): World {
  const world = new World()
  world.start('a')
  world.run(50)
  world.start('b')
  world.start('c')
  world.run(950)
  assert.equal(world.leader, 'a-1 epoch 1')
  assert.deepEqual(Object.fromEntries(world.members), { a: 'active', b: 'standby', c: 'standby' })
  world.take()
  return world
}

describe('agents and a receiver', () => {
  it('all is well for long: nothing is decided', () => {
    const world = threeAgents().run(30_000)
    assert.deepEqual(world.take(), [])
    assert.equal(world.leader, 'a-1 epoch 1')
  })

  it('a server that is not well yet is no member and is not named; the first that is leads', () => {
    const world = new World()
    world.start('a', { well: false })
    world.run(3_000)
    assert.deepEqual(world.take(), ['vacant: no active was decided yet'])
    assert.equal(world.members.size, 0)
    world.start('b')
    world.run(100)
    assert.equal(world.leader, 'b-1 epoch 1')
    world.get('a').well = true
    world.run(1_100)
    assert.deepEqual(Object.fromEntries(world.members), { b: 'active', a: 'standby' })
    assert.equal(world.leader, 'b-1 epoch 1')
  })

  it('a death that the parent tells: the next is named at once, with no probe, and the crash quotes what it said', () => {
    const world = threeAgents()
    world.kill('a')
    world.run(10)
    assert.deepEqual(world.take(), [
      'record b-1 epoch 2: its process was killed by SIGKILL',
      'crashed a: its process was killed by SIGKILL; leader b; in 0 ms; proven; the end',
    ])
    world.run(5_000)
    assert.deepEqual(world.take(), [])
    assert.equal(world.leader, 'b-1 epoch 2')
    assert.equal(world.get('b').core.phase, 'active')
  })

  it('a started-again server is a new incarnation of its name, and a standby', () => {
    const world = threeAgents()
    world.kill('a')
    world.run(10)
    world.start('a', { incarnation: 'a-2' })
    world.run(1_000)
    assert.equal(world.leader, 'b-1 epoch 2')
    assert.deepEqual(Object.fromEntries(world.members), { b: 'active', c: 'standby', a: 'standby' })
    world.kill('c')
    world.kill('b')
    world.run(100)
    assert.equal(world.leader, 'a-2 epoch 3')
  })

  it('a second agent of a name that is alive is turned away, and disturbs nobody', () => {
    const world = threeAgents()
    const first = world.get('a')
    world.start('a', { incarnation: 'a-2' })
    world.servers.set('a', first)
    world.run(1_000)
    assert.equal(world.take().length, 1)
    assert.equal(world.leader, 'a-1 epoch 1')
  })

  it('a check that fails three times: out, with the reason in the decision; back in when it succeeds again', () => {
    const world = threeAgents()
    world.get('a').well = false
    world.run(2_000)
    assert.equal(world.leader, 'a-1 epoch 1', 'two are not enough')
    world.run(1_100)
    assert.deepEqual(world.take(), ['record b-1 epoch 2: a stepped down: GET /health answered 503'])
    assert.deepEqual([world.members.has('a'), world.leader], [false, 'b-1 epoch 2'])
    world.get('a').well = true
    world.run(1_100)
    assert.equal(world.members.get('a'), 'standby')
    assert.equal(world.leader, 'b-1 epoch 2', 'and there is no needless failback')
  })

  it('a server with nobody beside it: vacant while it is not well, and named under a new epoch after', () => {
    const world = new World()
    world.start('a')
    world.run(100)
    world.get('a').listens = false
    world.run(1_100)
    assert.equal(world.members.size, 0)
    world.get('a').listens = true
    world.run(1_100)
    assert.equal(world.leader, 'a-1 epoch 2')
    assert.equal(world.get('a').core.phase, 'active')
    for (let round = 0; round < 5; round++) {
      world.get('a').listens = false
      world.run(1_200)
      world.get('a').listens = true
      world.run(8_000)
      assert.equal(world.get('a').core.phase, 'active', 'however often it happens')
    }
  })

  it('a balancer finds the active dead before its agent does: the refused probe is proof, and the agent leaves', () => {
    const world = threeAgents()
    world.get('a').listens = false
    const report = { type: 'report', incarnation: 'a-1', epoch: 1, kind: 'refused' } as const
    world.input({ type: 'report', by: 'b', report })
    world.run(200)
    const [recorded, crashed, ...rest] = world.take()
    assert.match(recorded!, /^record b-1 epoch 2: balancer b says .* and a new one was refused$/)
    assert.match(crashed!, /^crashed a: /)
    assert.deepEqual(rest, [])
    assert.deepEqual(Object.fromEntries(world.members), { b: 'active', c: 'standby' }, 'the agent looked at once')
  })

  it('an agent that stops: another is named while its server still serves, and its word after that changes nothing', () => {
    const world = threeAgents()
    const a = world.get('a')
    world.agent(a, { type: 'stop' })
    world.run(150)
    assert.deepEqual(world.take(), ['record b-1 epoch 2: a is stopping'])
    assert.equal(a.core.isSucceeded, true)
    assert.equal(world.members.has('a'), false)
    const goodbye = { type: 'goodbye', reason: 'stopped in order' } as const
    world.input({ type: 'goodbye', connection: a.connection!, goodbye })
    world.run(1_000)
    assert.deepEqual(world.take(), [])
  })

  it('a receiver that starts again keeps the agent that leads', () => {
    const world = threeAgents()
    world.restart()
    world.run(500)
    for (const name of ['b', 'c', 'a']) world.connect(world.get(name))
    world.run(5_000)
    assert.deepEqual(world.take(), ['record a-1 epoch 3: a stays, under a new receiver'])
    assert.equal(world.leader, 'a-1 epoch 3')
  })

  it('a receiver that lost its journal names the agent that leads, above its epoch', () => {
    const world = threeAgents()
    world.kill('a')
    world.run(100)
    world.take()
    world.restart([])
    world.connect(world.get('c'))
    world.run(1_000)
    world.connect(world.get('b'))
    world.run(1_000)
    assert.equal(world.leader, 'b-1 epoch 3')
    assert.deepEqual(
      ['b', 'c'].map((name) => world.get(name).core.phase),
      ['active', 'standby'],
    )
  })

  it('an epoch that was seen elsewhere: the same agent leads above it', () => {
    const world = threeAgents()
    world.input({ type: 'seen', epoch: 41 })
    world.run(200)
    assert.equal(world.leader, 'a-1 epoch 42')
    assert.equal(world.get('a').core.phase, 'active')
  })

  it('many deaths in a row: every one is followed by one decision, and by a leader', () => {
    const world = threeAgents()
    for (let round = 2; round < 30; round++) {
      const dead = world.receiver.decisions[0]!.name
      world.kill(dead)
      world.run(20)
      world.start(dead, { incarnation: `${dead}-${round}` })
      world.run(1_000)
      assert.match(world.leader, new RegExp(` epoch ${round}$`))
      assert.equal([...world.servers.values()].filter(({ core }) => core.phase === 'active').length, 1)
    }
  })
})
