/** Kills of the demo's own script and those that people ask for do not meet: a failover is measured alone. */
import { setTimeout as sleep } from 'node:timers/promises'

export class KillTurns {
  /** Those that people asked for, until whoever was killed is back. */
  readonly #byHand = new Set<Promise<unknown>>()
  #scripted: Promise<unknown> | undefined

  /** Does a scripted kill with all that belongs to it, once nothing that people asked for is under way. */
  async script<Value>(work: () => Promise<Value>): Promise<Value> {
    while (this.#byHand.size > 0 || this.#scripted) await Promise.allSettled([...this.#byHand, this.#scripted])
    const done = work()
    const settled = done.then(
      () => undefined,
      () => undefined,
    )
    this.#scripted = settled
    void settled.then(() => {
      this.#scripted = undefined
    })
    return done
  }

  /** Does what a person asked for, beside others of that kind, as soon as no scripted kill is under way; false if that lasts longer than `patienceMs`. */
  async byHand(work: () => Promise<unknown>, patienceMs: number): Promise<boolean> {
    const waiting = new AbortController()
    const late = sleep(patienceMs, true, { signal: waiting.signal }).catch(() => true)
    while (this.#scripted) if (await Promise.race([this.#scripted, late])) return false
    waiting.abort()
    const done = work().then(
      () => undefined,
      () => undefined,
    )
    this.#byHand.add(done)
    void done.then(() => this.#byHand.delete(done))
    return true
  }
}
