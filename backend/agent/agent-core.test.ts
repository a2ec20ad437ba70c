import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { heartbeatSchema } from '../../heartbeat-receiver/protocol.ts'
import { AgentCore, type AgentEffect, type AgentInput } from './agent-core.ts'

const well: AgentInput = { type: 'checked', outcome: { ok: true } }
const gone: AgentInput = { type: 'checked', outcome: { ok: false, refused: true, reason: 'connection refused' } }
const lead = (epoch: number): AgentInput => ({ type: 'lead', epoch })
const epoch = (number: number): AgentInput => ({ type: 'epoch', epoch: number })
const stop: AgentInput = { type: 'stop' }

function told(core: AgentCore, ...inputs: AgentInput[]): string[] {
  return inputs.flatMap((input) => core.step(input).map(describeEffect))
}

function describeEffect(effect: AgentEffect): string {
  if (effect.type === 'phase') return `${effect.from} → ${effect.to}: ${effect.reason}`
  return effect.type === 'refuse' ? `refuse ${effect.epoch}: ${effect.reason}` : 'check'
}

function shown(core: AgentCore): string {
  const { phase, reign, journalReign } = core.status()
  return `${phase} ${reign.join('.')} ${journalReign.join('.')}`
}

function agent(...inputs: AgentInput[]): AgentCore {
  const core = new AgentCore({ checkIntervalMs: 1_000, checkFailures: 3 })
  for (const input of inputs) core.step(input)
  return core
}

describe('agent', () => {
  it('is starting until its server is well, then a standby, and active once it is told to lead', () => {
    const core = agent()
    assert.equal(shown(core), 'starting 0.0 0.0')
    assert.deepEqual(told(core, gone), [])
    assert.deepEqual(told(core, well), ['starting → standby: its check succeeds'])
    assert.equal(shown(core), 'standby 0.0 0.0')
    assert.deepEqual(told(core, lead(4)), ['standby → active: it was named'])
    assert.equal(shown(core), 'active 4.0 4.0')
    assert.equal(core.status().reason, undefined)
  })

  it('will not lead while its server is not well, says why, and still knows the epoch', () => {
    const core = agent(gone)
    assert.deepEqual(told(core, lead(4)), ['refuse 4: connection refused'])
    assert.equal(shown(core), 'starting 0.0 4.0')
  })

  it('gives up its reign when its server is not well, and says why', () => {
    const core = agent(well, lead(4))
    assert.deepEqual(told(core, gone), ['active → starting: connection refused'])
    assert.equal(core.status().reason, 'connection refused')
    assert.equal(shown(core), 'starting 4.0 4.0')
    assert.deepEqual(told(core, well), ['starting → standby: its check succeeds'], 'and does not take it up again')
    assert.deepEqual(told(core, lead(5)), ['standby → active: it was named'])
  })

  it('is a standby again under a higher epoch, and looks whether its server is alive', () => {
    const core = agent(well, lead(4))
    assert.deepEqual(told(core, epoch(4), epoch(3)), [])
    assert.deepEqual(told(core, epoch(5)), ['active → standby: epoch 5 is in force', 'check'])
    assert.equal(shown(core), 'standby 4.0 5.0')
    assert.deepEqual(told(agent(well), epoch(5)), [], 'which is no news for a standby')
  })

  it('does not follow a word from the past', () => {
    const core = agent(well, lead(4), epoch(6))
    assert.deepEqual(told(core, lead(5)), ['refuse 5: epoch 6 is in force'])
    assert.equal(shown(core), 'standby 4.0 6.0')
    assert.deepEqual(told(core, lead(6)), ['standby → active: it was named'], 'an answer may be faster than the word')
  })

  it('says only what a receiver takes, however long the reason', () => {
    const core = agent({ type: 'checked', outcome: { ok: false, refused: false, reason: 'x'.repeat(9_999) } })
    for (const inputs of [[], [well], [lead(4)], [epoch(9)], [gone], [stop]]) {
      told(core, ...inputs)
      heartbeatSchema.parse({ type: 'heartbeat', sequence: 1, ...core.status() })
    }
  })

  it('that stops leads no more, and knows when another does', () => {
    const core = agent(well, lead(4))
    assert.deepEqual(told(core, stop, stop, well, gone), ['active → stopping: it is to end'])
    assert.equal(shown(core), 'stopping 4.0 4.0')
    assert.equal(core.isSucceeded, false)
    assert.deepEqual(told(core, lead(5)), ['refuse 5: it is stopping'])
    assert.equal(core.isSucceeded, false)
    core.step(epoch(6))
    assert.equal(core.isSucceeded, true)
    assert.equal(shown(core), 'stopping 4.0 6.0')
  })
})
