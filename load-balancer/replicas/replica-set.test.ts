import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { capturedLog } from '../../heartbeat-receiver/captured-log.ts'
import { Membership } from '../membership.ts'
import { defaultKeeperSettings, type KeeperSettings } from './keeper.ts'
import { LocalProcesses } from './local-processes.ts'
import { ReplicaSet } from './replica-set.ts'
import { isAlive, serverCommand, until } from './test-server.ts'

function startSet(t: TestContext, behaviour: string, more: Partial<KeeperSettings> = {}, drainTimeMs = 0) {
  const { log, lines } = capturedLog()
  const membership = new Membership()
  const replicas = new ReplicaSet({
    settings: { ...defaultKeeperSettings, backOffFirstMs: 10, ...more },
    spawner: new LocalProcesses({ ...serverCommand(behaviour), log }),
    membership,
    drainTimeMs,
    log,
    now: () => performance.now(),
  })
  t.after(() => replicas.close())
  const members = () => membership.members.map(({ name }) => name)
  const pidOf = async (name: string) => {
    const { url } = membership.members.find((member) => member.name === name)!
    return Number((await (await fetch(url)).text()).split(' ')[1])
  }
  return { replicas, membership, members, pidOf, lines }
}

describe('servers that are kept', () => {
  it('are members once they accept connections', async (t) => {
    const { replicas, members } = startSet(t, 'serves')
    replicas.add(['a', 'b'])
    assert.deepEqual([replicas.names, members()], [['a', 'b'], []])
    await until(() => members().length === 2, 'two members')
    assert.equal(replicas.running, 2)
  })

  it('are replaced under their address when they are killed, and are no members meanwhile', async (t) => {
    const { replicas, membership, members, pidOf, lines } = startSet(t, 'serves')
    replicas.add(['a', 'b'])
    await until(() => members().length === 2, 'two members')
    const [before] = membership.members
    const changes: string[][] = []
    membership.onChange(() => changes.push(members()))
    const pid = await pidOf('a')
    process.kill(pid, 'SIGKILL')
    await until(() => changes.length === 2, 'leaving and joining')
    assert.deepEqual(changes, [['b'], ['a', 'b']])
    assert.deepEqual(membership.members[0]!.url, before!.url)
    assert.notEqual(await pidOf('a'), pid)
    const [told] = lines.filter(({ event }) => event === 'replaced')
    assert.match(told!.msg, /^a was killed by SIGKILL; its last lines: up on \d+; it is started again in 10 ms$/)
  })

  it('leave before they are ended when they are not wanted any more', async (t) => {
    const { replicas, members, pidOf } = startSet(t, 'stubborn')
    replicas.add(['a'])
    await until(() => members().length === 1, 'a member')
    const pid = await pidOf('a')
    replicas.remove(['a'])
    assert.deepEqual([replicas.names, members(), isAlive(pid)], [[], [], true])
    await until(() => !isAlive(pid), 'its end')
  })

  it('may go on answering what they have for a while when they are removed; the end of the balancer does not wait', async (t) => {
    const { replicas, members, pidOf } = startSet(t, 'serves', {}, 600_000)
    replicas.add(['a', 'b'])
    await until(() => members().length === 2, 'two members')
    const pids = [await pidOf('a'), await pidOf('b')]
    replicas.remove(['a'])
    assert.deepEqual([members(), replicas.names], [['b'], ['b']])
    await pidOf('b')
    assert.deepEqual(pids.map(isAlive), [true, true])
    await replicas.close()
    assert.deepEqual(pids.map(isAlive), [false, false])
  })

  it('are given up when they crash again and again, aloud and with the reason', async (t) => {
    const { replicas, members, lines } = startSet(t, 'stillborn', { crashesMax: 3 })
    replicas.add(['a'])
    await until(() => replicas.givenUp.length === 1, 'giving up')
    assert.deepEqual([replicas.names, members()], [[], []])
    const said = lines.find(({ event }) => event === 'given up')!
    assert.equal(said.level, 50)
    assert.match(
      said.msg,
      /^a crashed 3 times and is given up: it ended with exit code 3; its last lines: no database at \d+$/,
    )
    assert.equal(lines.filter(({ event }) => event === 'spawned').length, 3)
  })

  it('are replaced when they do not accept connections in time', async (t) => {
    const { replicas, lines } = startSet(t, 'silent', { spawnTimeoutMs: 100 })
    replicas.add(['a'])
    await until(() => lines.some(({ event }) => event === 'replaced'), 'a replacement')
    assert.match(lines.find(({ event }) => event === 'replaced')!.msg, /^a did not accept connections within 100 ms/)
  })

  it('all end with the balancer, also one that has only just been asked for', async (t) => {
    const { replicas, members, pidOf } = startSet(t, 'serves')
    replicas.add(['a', 'b'])
    await until(() => members().length === 2, 'two members')
    const pids = [await pidOf('a'), await pidOf('b')]
    replicas.add(['c'])
    await replicas.close()
    assert.deepEqual([...pids.filter(isAlive), ...members()], [])
  })
})

it('one that the receivers tell of is not registered over their word', async (t) => {
  const { replicas, membership, members, lines } = startSet(t, 'serves')
  const heard = { name: 'a', incarnation: 'i', url: 'http://elsewhere', weight: 7, exactlyOnce: true, lag: 0 }
  membership.heard([{ ...heard, phase: 'standby' }])
  replicas.add(['a'])
  await until(() => lines.some(({ event }) => event === 'joined'), 'joining')
  membership.heard([])
  assert.deepEqual(members(), [])
})
