/** The load of a row: clients that send at their times, and everything that they saw. */
import { setTimeout as sleep } from 'node:timers/promises'
import { unixNowMs } from '../../compose/load/clock.ts'
import { type Recorded, TestClient, type Trouble } from './client.ts'
import { HotKeys } from './hot-keys.ts'

const clientCount = 16
/** Requests a second of all clients together, while they are answered. */
const rate = 300
/** After a refusal, whatever it says: soon, for the pause is measured by good answers. */
const comeAgainMs = 100

export interface TrafficOptions {
  readonly balancers: readonly string[]
  /** Begins every key. */
  readonly run: string
  readonly seed: number
  /** Whether clients of the first balancer only read. */
  readonly readersAtFirst: boolean
}

export class Traffic {
  readonly #history: Recorded[] = []
  readonly #troubles: Trouble[] = []
  readonly #clients: TestClient[]
  readonly #keys: HotKeys
  readonly #lanes: Promise<void>[]
  readonly startMs = unixNowMs()
  #ending = false

  /** Begins at once. */
  constructor({ balancers, run, seed, readersAtFirst }: TrafficOptions) {
    this.#keys = new HotKeys(run, seed)
    this.#clients = Array.from(
      { length: clientCount },
      (_, number) => new TestClient(number, balancers, { onTrouble: (trouble) => this.#troubles.push(trouble) }),
    )
    this.#lanes = this.#clients.map((client, number) =>
      this.#lane(client, number, readersAtFirst && number % balancers.length === 0 ? 'read' : 'any'),
    )
  }

  /** What was recorded until now, in the order of ends. */
  get history(): readonly Recorded[] {
    return this.#history
  }

  /** What went wrong until now, also for operations that are still under way. */
  get troubles(): readonly Trouble[] {
    return this.#troubles
  }

  /** The newest good answer. */
  get last(): Recorded | undefined {
    return this.#history.findLast(({ outcome }) => outcome.type === 'answered')
  }

  /** Good answers to requests sent after `sinceMs`. */
  answeredSince(sinceMs: number): Recorded[] {
    return this.#history.filter(({ outcome, startMs }) => outcome.type === 'answered' && startMs >= sinceMs)
  }

  /** No more requests; resolves when the last is over. */
  async stop(): Promise<readonly Recorded[]> {
    this.#ending = true
    await Promise.all(this.#lanes)
    await Promise.all(this.#clients.map((client) => client.close()))
    return this.#history
  }

  async #lane(client: TestClient, number: number, kind: 'any' | 'read'): Promise<void> {
    const everyMs = (clientCount / rate) * 1_000
    for (
      let dueMs = this.startMs + (number * everyMs) / clientCount;
      ;
      dueMs = Math.max(dueMs + everyMs, unixNowMs())
    ) {
      await sleep(Math.max(0, dueMs - unixNowMs()))
      if (this.#ending) return
      const recorded = await client.perform(this.#keys.next(kind), dueMs)
      this.#history.push(recorded)
      this.#keys.learn(recorded)
      if (recorded.outcome.type !== 'answered') await sleep(comeAgainMs)
    }
  }
}
