/** Callers who wait for this process to lead; not listeners, of which each costs a search among all when it goes. */
export class HeldCallers {
  readonly #held = new Set<(leads: boolean) => void>()
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  /** Resolves with what `release` says; false after `deadlineMs`, and at once if too many wait. */
  async wait(deadlineMs: number): Promise<boolean> {
    if (this.#held.size >= this.#max) return false
    return new Promise((resolve) => {
      const release = (leads: boolean) => {
        clearTimeout(timer)
        this.#held.delete(release)
        resolve(leads)
      }
      const timer = setTimeout(() => release(false), deadlineMs)
      this.#held.add(release)
    })
  }

  /** Tells all who wait. */
  release(leads: boolean): void {
    for (const release of [...this.#held]) release(leads)
  }
}
