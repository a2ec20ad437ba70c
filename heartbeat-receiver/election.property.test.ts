/** Who is named, judged by what is true of the journal and not by what heartbeats say of it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type BackendOptions, World, type WorldBackend } from './receiver-world.ts'

const names = ['a', 'b', 'c', 'd'] as const
/** How often a backend asks for the end of the journal, milliseconds. */
const lookMs = 500
/** In so long every backend that runs has sent two heartbeats, milliseconds. */
const heartbeatsMs = 300
/** A report is a heartbeat old at most, and a decision follows the last of one that hangs by the time in which a silence is judged, milliseconds. */
const reportMaxMs = 700

/** A number of records at a moment. */
interface Noted {
  readonly atMs: number
  readonly records: number
}

/** Notes it, and forgets what is older than `memoryMs`. */
function note(noted: Noted[], records: number, atMs: number, memoryMs: number): void {
  noted.push({ atMs, records })
  while (noted[0]!.atMs < atMs - memoryMs) noted.shift()
}

/** A world with a journal that the active writes and the others read, each as fast as it can. */
class JournalWorld extends World {
  end = 1_000
  writesPerMs = 1
  readonly readsPerMs = new Map<string, number>()
  readonly #ends = new Map<WorldBackend, number>()
  #lookAtMs = 0
  /** What each missed of late, at each moment at which it ran. */
  readonly #missed = new Map<WorldBackend, Noted[]>()
  /** Where the journal ended in the time that a report can be old at a decision. */
  readonly #ended: Noted[] = [{ atMs: 0, records: 1_000 }]
  /** What was wrong with a decision. */
  readonly wrong: string[] = []
  named = 0

  constructor() {
    super({ quiet: [] })
    this.missing = (backend) => this.end - backend.offset
    this.onTime = (passedMs) => this.#pass(passedMs)
    this.onEffect = (effect) => {
      if (effect.type === 'record') this.#judge(effect.decision.name)
    }
  }

  override start(name: string, options: BackendOptions = {}): WorldBackend {
    return super.start(name, { phase: 'starting', ...options })
  }

  #pass(passedMs: number): void {
    const running = [...this.backends.values()].filter(({ process }) => process === 'running')
    if (running.some(({ phase }) => phase === 'active')) this.end += Math.round(this.writesPerMs * passedMs)
    note(this.#ended, this.end, this.nowMs, reportMaxMs)
    const looks = this.nowMs >= this.#lookAtMs
    if (looks) this.#lookAtMs = this.nowMs + lookMs
    for (const backend of running) {
      const read = this.readsPerMs.get(backend.name) ?? Number.POSITIVE_INFINITY
      backend.offset =
        backend.phase === 'active' ? this.end : Math.min(this.end, backend.offset + Math.ceil(read * passedMs))
      if (looks) this.#ends.set(backend, this.end)
      backend.lag = Math.max(0, (this.#ends.get(backend) ?? 0) - backend.offset)
      const missed = this.#missed.get(backend) ?? []
      this.#missed.set(backend, missed)
      note(missed, this.missing(backend), this.nowMs, heartbeatsMs)
      if (backend.phase === 'starting' && this.#ends.has(backend) && backend.lag === 0) backend.phase = 'standby'
    }
  }

  /** The most that it missed in the time in which heartbeats tell it; infinite if it did not run all that time. */
  #missedLately(backend: WorldBackend): number {
    const lately = this.#missed.get(backend) ?? []
    if (lately.length === 0 || lately[0]!.atMs > this.nowMs - heartbeatsMs / 2) return Number.POSITIVE_INFINITY
    return Math.max(...lately.map(({ records }) => records))
  }

  #judge(name: string): void {
    this.named++
    const slack = this.end - this.#ended[0]!.records + 1
    const missing = this.missing(this.get(name))
    const known = this.core.views(this.nowMs)
    const better = [...this.backends.values()].filter(
      (other) =>
        other.name !== name &&
        other.process === 'running' &&
        other.phase === 'standby' &&
        other.connection !== null &&
        known.some(
          ({ incarnation, alive, phase }) => incarnation === other.incarnation && alive && phase === 'standby',
        ) &&
        this.#missedLately(other) + slack < missing,
    )
    for (const other of better)
      this.wrong.push(`${this.nowMs}: ${name} misses ${missing}, ${other.name} only ${this.missing(other)}`)
  }
}

const weights = fc.tuple(...names.map(() => fc.integer({ min: 1, max: 9 })))
const happening = fc.record({
  what: fc.oneof(
    fc.record({ type: fc.constantFrom('kill', 'start', 'freeze', 'resume'), name: fc.constantFrom(...names) }),
    fc.record({ type: fc.constantFrom('kill-active', 'freeze-active') }),
    fc.record({
      type: fc.constant('reads'),
      name: fc.constantFrom(...names),
      perMs: fc.constantFrom(0.05, 0.5, 3, 50, 1_000),
    }),
    fc.record({ type: fc.constant('writes'), perMs: fc.constantFrom(0, 1, 20) }),
  ),
  thenMs: fc.constantFrom(1, 30, 120, 700, 2_500, 8_000),
})

function happen(
  world: JournalWorld,
  { what, thenMs }: typeof happening extends fc.Arbitrary<infer T> ? T : never,
): void {
  if ('perMs' in what && !('name' in what)) world.writesPerMs = what.perMs
  else if ('perMs' in what) world.readsPerMs.set(what.name, what.perMs)
  else {
    const backend = 'name' in what ? world.get(what.name) : active(world)
    if (what.type === 'start' && backend?.process === 'dead') world.start(backend.name, backend.options)
    else if (what.type === 'resume' && backend?.process === 'frozen') world.resume(backend.name)
    else if (what.type.startsWith('kill') && backend && backend.process !== 'dead') world.kill(backend.name)
    else if (what.type.startsWith('freeze') && backend?.process === 'running') world.freeze(backend.name)
  }
  world.run(thenMs)
}

function active(world: World): WorldBackend | undefined {
  return [...world.backends.values()].find(({ phase, process }) => phase === 'active' && process === 'running')
}

function started(weights: number[]): JournalWorld {
  const world = new JournalWorld()
  for (const [index, name] of names.entries()) world.start(name, { weight: weights[index]! })
  world.run(700)
  return world
}

describe('election, by what is true of the journal', () => {
  it('never names one that is behind while one that is not lives', () => {
    let named = 0
    fc.assert(
      fc.property(weights, fc.array(happening, { maxLength: 25 }), (weights, happenings) => {
        const world = started(weights)
        for (const one of happenings) happen(world, one)
        named += world.named
        assert.deepEqual(world.wrong, [])
      }),
      { numRuns: 300 },
    )
    assert.ok(named > 300, `${named} decisions were judged`)
  })

  it('always ends with one that leads and has read all of it, however far behind all were', () => {
    fc.assert(
      fc.property(weights, fc.array(happening, { maxLength: 25 }), (weights, happenings) => {
        const world = started(weights)
        for (const one of happenings) happen(world, one)
        for (const name of names) {
          world.readsPerMs.set(name, 100)
          if (world.get(name).process === 'frozen') world.resume(name)
        }
        if (names.every((name) => world.get(name).process === 'dead')) world.start('a')
        world.run(20_000)
        const leads = active(world)
        assert.deepEqual(
          [leads?.incarnation],
          world.core.decisions.map(({ incarnation }) => incarnation),
        )
        assert.equal(leads && world.missing(leads), 0)
      }),
      { numRuns: 200 },
    )
  })
})
