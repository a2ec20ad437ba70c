/**
 * Callers that ask every backend directly, whether or not it leads: what only a balancer with old news would do, all the time. They add to
 * a counter of their own and read it, and what they are told goes into the world's history.
 */
import type { CheckpointError } from '../../../../checkpoint/errors.ts'
import type { BackendHost } from '../../hosts.ts'
import { between, type Random, randomBelow } from '../../random.ts'
import type { World } from '../../world.ts'

export interface CallersOptions {
  readonly random: Random
  readonly fromMs: number
  readonly untilMs: number
  /** Mean times between two reads, and two increments, at one backend, milliseconds. */
  readonly readEveryMs: number
  readonly incrementEveryMs: number
  /** How many counters they share. With many, what is missing of one is not made good by the next increment. */
  readonly counters?: number
}

export class Callers {
  /** Backends at which nothing is changed now: an append under way would hold up their reads. */
  readonly readOnly = new Set<string>()
  readonly #world: World
  readonly #options: CallersOptions

  constructor(world: World, options: CallersOptions) {
    this.#world = world
    this.#options = options
    const { fromMs } = options
    for (let index = 1; index <= world.plan.backends; index++) {
      const name = `backend-${index}`
      world.kernel.at(fromMs, () => this.#repeat(options.readEveryMs, () => this.#ask(name, 0)))
      world.kernel.at(fromMs, () => this.#repeat(options.incrementEveryMs, () => this.#ask(name, 1)))
    }
  }

  #repeat(everyMs: number, act: () => void): void {
    const { kernel } = this.#world
    const { random, untilMs } = this.#options
    if (kernel.nowMs > untilMs) return
    act()
    kernel.in(between(random, 0.2, 1.8) * everyMs, () => this.#repeat(everyMs, act))
  }

  #ask(name: string, by: number): void {
    const host = this.#world.backendHosts.get(name)
    if (!host?.process.alive || (by > 0 && this.readOnly.has(name))) return
    const call = by === 0 ? ({ name: 'get' } as const) : ({ name: 'increment', by } as const)
    const key = `asked directly ${randomBelow(this.#options.random, this.#options.counters ?? 1)}`
    const pending = this.#world.history.call(`caller at ${host.process.incarnation}`, { model: 'counter', key, call })
    host.process.take(() => {
      count(host, key, by).then(
        (value) => pending.finish({ value }),
        ({ outcome }: CheckpointError) => pending.finish(outcome === 'not applied' ? outcome : 'unknown'),
      )
    })
  }
}

function count({ node: { checkpoint } }: BackendHost, key: string, by: number): Promise<number> {
  const counters = checkpoint.map<number>('counters')
  const work = () => {
    const value = (counters.get(key) ?? 0) + by
    if (by > 0) counters.set(key, value)
    return value
  }
  return by === 0 ? checkpoint.read(work) : checkpoint.transact(work)
}
