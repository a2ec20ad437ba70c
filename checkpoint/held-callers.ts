import type { Time } from './time.ts'

/** Callers who wait for this process to lead; not listeners, of which each costs a search among all when it goes. */
export class HeldCallers {
  readonly #held = new Set<(leads: boolean) => void>()
  readonly #max: number
  readonly #time: Time

  constructor(max: number, time: Time) {
    this.#max = max
    this.#time = time
  }

  /** Resolves with what `release` says; false after `deadlineMs`, and at once if too many wait. */
  async wait(deadlineMs: number): Promise<boolean> {
    if (this.#held.size >= this.#max) return false
    return new Promise((resolve) => {
      const release = (leads: boolean) => {
        cancel()
        this.#held.delete(release)
        resolve(leads)
      }
      const cancel = this.#time.after(deadlineMs, () => release(false))
      this.#held.add(release)
    })
  }

  /** Tells all who wait. */
  release(leads: boolean): void {
    for (const release of [...this.#held]) release(leads)
  }
}
