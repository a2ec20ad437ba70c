/** Reads the decisions where the receivers record them: for a balancer that hears no receiver. It takes no part: nothing is written. */
import type { Logger } from 'pino'
import { type Checkpoint, createCheckpoint } from '../checkpoint/index.ts'
import type { Time } from '../checkpoint/time.ts'
import { type Decision, decisionSchema } from '../heartbeat-receiver/protocol.ts'
import { type ReadPorts, readOnly } from './read-only.ts'

export interface DecisionJournalOptions {
  /** Makes the ports of the journal of decisions: a fresh pair for each try. */
  ports: () => ReadPorts
  /** Called with every decision that is in force there, again and again. */
  read: (decision: Decision) => void
  log: Logger
  time: Time
  /** For a simulation: see `CheckpointOptions`. */
  random?: () => number
  newId?: () => string
}

/** What the receivers call their map of decisions. */
const mapName = 'decisions'
/** So often it is looked whether the journal has brought something, milliseconds: a look costs a comparison. */
const lookMs = 20
/** How long one try to reach the journal lasts, milliseconds. */
const openDeadlineMs = 5_000
/** First and longest pause before the next, milliseconds. */
const pauseMs = { first: 500, max: 10_000 }

export class DecisionJournal {
  readonly #options: DecisionJournalOptions
  readonly #quiet: Logger
  #reading: AbortController | undefined
  /** True once it was said that nothing can be read. */
  #said = false
  /** Readings that have not ended yet. */
  readonly #ending = new Set<Promise<void>>()

  constructor(options: DecisionJournalOptions) {
    this.#options = options
    // A journal that is not there is no failure here: it is said once, below, and not by each part that notices.
    this.#quiet = options.log.child({ part: 'decisions' }, { level: 'silent' })
  }

  /** Reads from now on; nothing happens if it does already. */
  begin(): void {
    if (this.#reading) return
    const reading = new AbortController()
    this.#reading = reading
    const ended = this.#read(reading.signal).finally(() => this.#ending.delete(ended))
    this.#ending.add(ended)
  }

  /** Reads no more, until it begins again. */
  rest(): void {
    this.#reading?.abort()
    this.#reading = undefined
  }

  async close(): Promise<void> {
    this.rest()
    await Promise.all(this.#ending)
  }

  /** Tries until it is told to rest. */
  async #read(resting: AbortSignal): Promise<void> {
    const { time } = this.#options
    for (let pause = pauseMs.first; !resting.aborted; pause = Math.min(pause * 2, pauseMs.max)) {
      const reason = await this.#readOnce(resting)
      if (resting.aborted) return
      this.#say(reason)
      await paused(time, pause, resting)
    }
  }

  /** Resolves with why it ended. Never rejects. */
  async #readOnce(resting: AbortSignal): Promise<string> {
    const { ports, log, time, random, newId } = this.#options
    const checkpoint = createCheckpoint({
      ...readOnly(ports()),
      node: 'balancer',
      log: this.#quiet,
      time,
      limits: { startDeadlineMs: openDeadlineMs, snapshotTailBytes: Number.MAX_SAFE_INTEGER },
      ...(random ? { random } : {}),
      ...(newId ? { newId } : {}),
    })
    const end = () => void checkpoint.close(0)
    resting.addEventListener('abort', end, { once: true })
    try {
      const failed = new Promise<never>((_, reject) => checkpoint.on('fatal', reject))
      failed.catch(() => undefined) // it may come when nobody waits for it any more
      await checkpoint.start()
      this.#said = false
      log.info({ event: 'decisions-read' }, 'no receiver is heard: decisions are read from the journal')
      await Promise.race([failed, this.#look(checkpoint, resting)])
      return 'resting'
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    } finally {
      resting.removeEventListener('abort', end)
      await checkpoint.close(0)
    }
  }

  /** Tells what is read, until it rests. */
  #look(checkpoint: Checkpoint, resting: AbortSignal): Promise<void> {
    let seen = -1
    const look = () => {
      const { offset } = checkpoint.status()
      if (offset === seen) return
      seen = offset
      const recorded = checkpoint.stale(() => [...checkpoint.map<unknown>(mapName).entries()])
      for (const [, value] of recorded) {
        const { data: decision } = decisionSchema.safeParse(value)
        if (decision) this.#options.read(decision)
      }
    }
    return new Promise((resolve) => {
      look()
      const stop = this.#options.time.every(lookMs, look)
      const end = () => {
        stop()
        resolve()
      }
      if (resting.aborted) end()
      else resting.addEventListener('abort', end, { once: true })
    })
  }

  #say(reason: string): void {
    if (this.#said) return
    this.#said = true
    this.#options.log.warn(
      { event: 'decisions-unread', reason },
      `no receiver is heard, and no decision can be read from the journal: ${reason}`,
    )
  }
}

/** Resolves after so long, or when it is to rest. */
function paused(time: Time, delayMs: number, resting: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = time.after(delayMs, () => {
      resting.removeEventListener('abort', end)
      resolve()
    })
    const end = () => {
      cancel()
      resolve()
    }
    resting.addEventListener('abort', end, { once: true })
  })
}
