/** Servers as processes of this machine. No shell is between, and none outlives the balancer. */
import type { Logger } from 'pino'
import { untilAccepts } from './accepting.ts'
import { Child } from './child.ts'
import { environmentOf, fillIn } from './command-line.ts'
import { OrphanGuard } from './orphan-guard.ts'
import type { Place, Spawned, Spawner } from './spawner.ts'

/** How long a server may take to end after SIGTERM; shorter than the balancer's own deadline. Milliseconds. */
export const stopGraceMs = 4_000

export class LocalProcesses implements Spawner {
  readonly #program: string
  readonly #words: readonly string[]
  readonly #log: Logger
  readonly #guard: OrphanGuard
  readonly #children = new Set<Child>()

  constructor(options: { program: string; words: readonly string[]; log: Logger }) {
    this.#program = options.program
    this.#words = options.words
    this.#log = options.log
    this.#guard = new OrphanGuard({ log: options.log })
  }

  spawn(place: Place): Spawned {
    const child = new Child({
      name: place.name,
      program: this.#program,
      words: fillIn(this.#words, place),
      environment: environmentOf(place),
      log: this.#log,
    })
    const { pid } = child
    this.#children.add(child)
    if (pid !== undefined) this.#guard.add(-pid)
    const exited = child.exited.then((reason) => {
      this.#children.delete(child)
      if (pid !== undefined) this.#guard.remove(-pid)
      return reason
    })
    const url = `http://127.0.0.1:${place.port}`
    return { url, exited, accepts: (signal) => untilAccepts(url, 0, signal), stop: () => child.stop(stopGraceMs) }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#children].map((child) => child.stop(stopGraceMs)))
    await this.#guard.close()
  }
}
