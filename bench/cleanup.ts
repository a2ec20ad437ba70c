/** What was started is ended again, last first, also after a failure. */
export class Cleanup {
  readonly #steps: (() => Promise<unknown>)[] = []

  /** `step` is run by `run`. */
  add(step: () => Promise<unknown>): void {
    this.#steps.push(step)
  }

  /** Every step is tried; the first failure is thrown at the end. */
  async run(): Promise<void> {
    let failure: { cause: unknown } | undefined
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      await step().catch((cause: unknown) => {
        failure ??= { cause }
      })
    }
    if (failure) throw failure.cause
  }
}
