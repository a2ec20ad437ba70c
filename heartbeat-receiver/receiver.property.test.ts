import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Effect } from './events.ts'
import { inheritedLeaseMs, leaseMsAt } from './lease-ledger.ts'
import type { Receiver } from './receiver.ts'
import { World } from './receiver-world.ts'

const names = ['a', 'b', 'c'] as const
const name = fc.constantFrom(...names)
/** What can happen to the world, and how long it is left alone afterwards. */
const happening = fc.record({
  what: fc.oneof(
    fc.record({
      type: fc.constantFrom('kill', 'start', 'freeze', 'resume', 'cut', 'connect', 'goodbye', 'report', 'hand-over'),
      name,
    }),
    fc.record({ type: fc.constant('drain' as const), name, draining: fc.boolean() }),
    fc.record({ type: fc.constant('refusing' as const), name, refusing: fc.boolean() }),
    fc.record({ type: fc.constant('journal' as const), name, reachable: fc.boolean() }),
    fc.record({ type: fc.constant('recording' as const), recordMs: fc.constantFrom(null, 1, 50) }),
    fc.record({ type: fc.constant('seen' as const), epoch: fc.integer({ min: 0, max: 200 }) }),
    fc.record({ type: fc.constant('stall' as const), ms: fc.integer({ min: 1, max: 3_000 }) }),
    fc.record({
      type: fc.constant('restart' as const),
      lost: fc.boolean(),
      heartbeatMs: fc.constantFrom(100, 100, 300, 1_000),
    }),
    fc.record({ type: fc.constant('renewing' as const), renewing: fc.boolean() }),
    fc.record({ type: fc.constant('deposed' as const) }),
    fc.record({ type: fc.constant('attempts' as const), name, attempt: fc.nat(2), knowsYield: fc.boolean() }),
  ),
  thenMs: fc.constantFrom(0, 1, 3, 30, 120, 300, 2_500),
})
type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never

function happen(world: World, { what, thenMs }: Happening): void {
  if (what.type === 'recording') world.recordMs = what.recordMs
  else if (what.type === 'seen') world.input({ type: 'seen', epoch: what.epoch })
  else if (what.type === 'stall') world.stall(what.ms)
  else if (what.type === 'restart') restart(world, what)
  else if (what.type === 'renewing') world.renewing = what.renewing
  else if (what.type === 'deposed') depose(world)
  else happenTo(world, what)
  world.run(thenMs)
}

/** With another interval, and so leases of another length, than the one before may have had. */
function restart(world: World, { lost, heartbeatMs }: { lost: boolean; heartbeatMs: number }): void {
  const { journaled, nowMs } = world
  world.heartbeatMs = heartbeatMs
  if (lost) world.journaled = null
  if (lost || !journaled) world.restart([])
  else world.restart([journaled], nowMs + inheritedLeaseMs(journaled, leaseMsAt(heartbeatMs)))
}

/** Another leads, decides nothing, and is gone again at once. */
function depose(world: World): void {
  world.input({ type: 'deauthorized' })
  const { journaled, nowMs } = world
  if (journaled) world.authorize([journaled], nowMs + inheritedLeaseMs(journaled, leaseMsAt(world.heartbeatMs)))
  else world.authorize([])
}

function happenTo(world: World, what: Extract<Happening['what'], { name: string }>): void {
  const backend = world.get(what.name)
  const { process, connection } = backend
  if (what.type === 'refusing') backend.refusing = what.refusing ? 'told so' : null
  else if (what.type === 'drain') world.input({ type: 'drain', asker: 1, name: what.name, draining: what.draining })
  else if (what.type === 'journal') backend.journalReachable = what.reachable
  else if (what.type === 'attempts') {
    backend.options.attempt = what.attempt
    backend.knowsYield = what.knowsYield
  } else if (what.type === 'hand-over')
    world.input({ type: 'hand-over', follower: 1, request: { type: 'hand-over', shard: 0, to: what.name } })
  else if (what.type === 'start' && process === 'dead') world.start(what.name)
  else if (what.type === 'kill' && process !== 'dead') world.kill(what.name)
  else if (what.type === 'goodbye' && process === 'running') world.goodbye(what.name)
  else if (what.type === 'freeze' && process === 'running') world.freeze(what.name)
  else if (what.type === 'resume' && process === 'frozen') world.resume(what.name)
  else if (what.type === 'cut') world.cut(what.name)
  else if (what.type === 'connect' && process === 'running' && connection === null) world.connect(backend)
  else if (what.type === 'report') world.report(what.name)
}

/** Watches what the core does and fails on what must never be. */
class Checker {
  readonly #world: World
  #core: Receiver | null = null
  #recorded: { epoch: number; incarnation: string } | null = null

  constructor(world: World) {
    this.#world = world
    world.onEffect = (effect) => this.check(effect)
    world.onClaim = (by) => this.#checkLeases(by.incarnation)
  }

  check(effect: Effect): void {
    if (effect.type === 'record') this.#checkRecord(effect.decision)
    if (effect.type === 'publish' && effect.event.type === 'decided') {
      const { epoch, incarnation } = effect.event.decision
      const durable = this.#world.journaled?.epoch
      assert.ok(durable !== undefined && epoch <= durable + 1, 'at most one decision is ahead of the journal')
      this.#checkLeases(incarnation)
    }
    if (effect.type === 'send' && effect.message.type === 'lead') {
      const [decision] = this.#world.core.decisions
      assert.equal(effect.message.epoch, decision?.epoch, 'lead is only said for the decision in force')
      assert.equal(effect.message.incarnation, decision?.incarnation)
    }
    if (effect.type === 'send' && effect.message.type === 'ack' && effect.message.lease)
      assert.equal(
        effect.message.lease.epoch,
        this.#world.journaled?.epoch,
        'a lease is granted under a durable decision',
      )
  }

  /** Nobody but this one may answer from memory from here on. */
  #checkLeases(incarnation: string): void {
    for (const backend of this.#world.backends.values())
      assert.ok(
        backend.incarnation === incarnation || !this.#world.readsByLease(backend),
        `${backend.incarnation} still has a lease when ${incarnation} begins`,
      )
  }

  #checkRecord({ epoch, incarnation, name }: { epoch: number; incarnation: string; name: string }): void {
    const { core, nowMs, journalReign, decided } = this.#world
    const again = this.#core === core && this.#recorded?.epoch === epoch
    if (again) {
      assert.equal(incarnation, this.#recorded?.incarnation, 'what was not recorded is recorded again as it was')
      return
    }
    // One that was never durable is forgotten with the receiver that wanted it: its journal is fenced.
    const before = decided.filter((one) => one.epoch !== epoch || one.incarnation !== incarnation)
    const highest = Math.max(this.#core === core ? this.#recorded!.epoch : 0, ...before.map((one) => one.epoch))
    assert.ok(epoch > highest, `epoch ${epoch} after ${highest}`)
    this.#core = core
    this.#recorded = { epoch, incarnation }
    assert.ok(epoch > journalReign[0] || core.decisions.length === 0, 'above what the journal shows')
    const view = core.views(nowMs).find((row) => row.incarnation === incarnation)
    assert.ok(view, 'named is who is known')
    assert.ok(view.alive, 'named is who is not judged gone')
    const serves = view.phase === 'active' || view.phase === 'settling' || view.phase === 'claiming'
    assert.ok(!view.draining || serves, 'named is none that drains, unless it serves')
    assert.ok(view.phase !== 'starting' && view.phase !== 'stopping', `named in phase ${view.phase}`)
    assert.equal(this.#world.get(name).incarnation, incarnation, 'named is the incarnation that is there')
  }
}

function world({ checked = true } = {}): World {
  const made = new World({ quiet: [] })
  if (checked) new Checker(made)
  for (const one of names) made.start(one)
  made.run(500)
  return made
}

/** The receiver's highest epoch survives a restart only by what others saw; a lost journal with nobody left cannot know. */
const keepsItsJournal = (happenings: Happening[]) =>
  happenings.filter(({ what }) => what.type !== 'restart' || !what.lost)

describe('receiver: whatever happens', () => {
  it('epochs rise, one decision for each, and only a known, living, caught-up incarnation is named', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 40 }), (happenings) => {
        const subject = world()
        for (const one of keepsItsJournal(happenings)) happen(subject, one)
        const epochs = subject.decided.map(({ epoch }) => epoch)
        assert.deepEqual(
          epochs,
          [...new Set(epochs)].sort((a, b) => a - b),
        )
      }),
      { numRuns: 300 },
    )
  })

  it('when all is well again, one backend leads soon, and it is the one that was decided', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 30 }), (happenings) => {
        const subject = world({ checked: false })
        for (const one of happenings) happen(subject, one)
        subject.recordMs = 2
        subject.renewing = true
        for (const one of names) {
          const backend = subject.get(one)
          backend.refusing = null
          backend.draining = false
          backend.journalReachable = true
          if (backend.process === 'dead') subject.start(one)
          else if (backend.process === 'frozen') subject.resume(one)
          else if (backend.connection === null) subject.connect(backend)
        }
        subject.run(15_000)
        const active = [...subject.backends.values()].filter(({ phase }) => phase === 'active')
        const [decision] = subject.core.decisions
        assert.deepEqual(
          active.map(({ incarnation, reign }) => `${incarnation} ${reign[0]}`),
          [`${decision?.incarnation} ${decision?.epoch}`],
          subject.trace.slice(-20).join('\n'),
        )
        const before = subject.decided.length
        subject.run(5_000)
        assert.equal(subject.decided.length, before, 'and it stays')
      }),
      { numRuns: 200 },
    )
  })

  it('sticky: whatever becomes of the others, an active that is well stays', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 40 }), (happenings) => {
        const subject = world()
        const harmless = new Set([
          'kill',
          'start',
          'freeze',
          'resume',
          'cut',
          'connect',
          'goodbye',
          'refusing',
          'journal',
          'stall',
          'recording',
          'renewing',
        ])
        for (const one of happenings)
          if (harmless.has(one.what.type) && !('name' in one.what && one.what.name === 'a')) happen(subject, one)
        assert.deepEqual(
          subject.decided.map(({ name }) => name),
          ['a'],
        )
      }),
      { numRuns: 200 },
    )
  })
})
