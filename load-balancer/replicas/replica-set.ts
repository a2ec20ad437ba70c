/** The servers that the balancer spawned: acts on what the keeper decides, and tells it what happens. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Membership } from '../membership.ts'
import { freePort } from './free-port.ts'
import { Keeper, type KeeperEffect, type KeeperEvent, type KeeperSettings } from './keeper.ts'
import type { Spawned, Spawner } from './spawner.ts'

/** As long as the balancer itself gives to what is under way when it ends. */
const defaultDrainTimeMs = 5_000

/** A run that was started and has not ended. */
interface Run {
  readonly ending: AbortController
  /** Undefined until there is a port for it. */
  spawned: Spawned | undefined
  /** True once it takes requests. */
  joined: boolean
}

export interface ReplicaSetOptions {
  readonly settings: KeeperSettings
  readonly spawner: Spawner
  readonly membership: Membership
  readonly log: Logger
  /** Monotonic time, milliseconds. */
  readonly now: () => number
  /** How long one that is removed may go on answering what it has; default 5 s. Milliseconds. */
  readonly drainTimeMs?: number
}

export class ReplicaSet {
  readonly #options: ReplicaSetOptions
  readonly #keeper: Keeper
  readonly #runs = new Map<number, Run>()
  /** Where a server was last, so that its replacement has the same address. */
  readonly #ports = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  readonly #ending = new AbortController()
  #closing: Promise<void> | undefined

  constructor(options: ReplicaSetOptions) {
    this.#options = options
    this.#keeper = new Keeper(options.settings)
  }

  /** Those that are kept alive, oldest first, whether they run at this moment or not. */
  get names(): readonly string[] {
    return this.#keeper.names
  }

  /** Those that crashed too often; they are not tried again until they are added again. */
  get givenUp(): readonly string[] {
    return this.#keeper.givenUp
  }

  /** How many take requests. */
  get running(): number {
    return this.#keeper.names.filter((name) => this.#keeper.state(name)?.state === 'running').length
  }

  /** Keeps further servers alive. None of them may be kept already. */
  add(names: readonly string[]): void {
    this.#take({ type: 'add', names })
  }

  /** Ends servers; those that are not kept are passed over. */
  remove(names: readonly string[]): void {
    this.#take({ type: 'remove', names })
    for (const name of names) this.#forget(name)
  }

  /** Ends them all; resolves when none is left. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#ending.abort()
    this.#take({ type: 'end' })
    clearTimeout(this.#timer)
    await Promise.all([...this.#runs.values()].map(({ spawned }) => spawned?.stop()))
    await this.#options.spawner.close()
  }

  #take(event: KeeperEvent): void {
    const { now } = this.#options
    for (const effect of this.#keeper.take(event, now())) this.#act(effect)
    clearTimeout(this.#timer)
    const delayMs = this.#keeper.nextTickMs - now()
    if (delayMs !== Number.POSITIVE_INFINITY)
      this.#timer = setTimeout(() => this.#take({ type: 'tick' }), Math.max(0, Math.ceil(delayMs)))
  }

  #act(effect: KeeperEffect): void {
    const { membership, log } = this.#options
    const { name } = effect
    switch (effect.type) {
      case 'spawn':
        return void this.#spawn(name, effect.run)
      case 'join':
        return this.#join(name, effect.run)
      case 'leave':
        membership.remove(name)
        return
      case 'stop':
        return void this.#stop(effect)
      case 'crashed': {
        const { reason, crashes, delayMs } = effect
        const what = { event: 'replaced', backend: name, reason, crashes, delayMs }
        return log.error(what, `${name} ${reason}; it is started again in ${delayMs} ms`)
      }
      case 'gave up': {
        const { reason, crashes } = effect
        const what = { event: 'given up', backend: name, reason, crashes }
        return log.error(what, `${name} crashed ${crashes} times and is given up: it ${reason}`)
      }
    }
  }

  async #spawn(name: string, run: number): Promise<void> {
    const begun: Run = { ending: new AbortController(), spawned: undefined, joined: false }
    this.#runs.set(run, begun)
    const { spawner, log } = this.#options
    let reason: string
    try {
      const port = await freePort(this.#ports.get(name))
      this.#ports.set(name, port)
      if (begun.ending.signal.aborted) reason = 'was not needed any more'
      else {
        begun.spawned = spawner.spawn({ name, port })
        log.info({ event: 'spawned', backend: name, url: begun.spawned.url }, `${name} is started`)
        void begun.spawned.accepts(begun.ending.signal).then(
          () => this.#take({ type: 'ready', name, run }),
          () => undefined, // it ended first, and says why itself
        )
        reason = await begun.spawned.exited
      }
    } catch (error) {
      reason = `could not be started: ${(error as Error).message}`
    }
    begun.ending.abort()
    this.#runs.delete(run)
    this.#take({ type: 'exited', name, run, reason })
    this.#forget(name)
  }

  /** Of one that is gone for good, not even the port is kept. */
  #forget(name: string): void {
    if (this.#keeper.state(name) === undefined) this.#ports.delete(name)
  }

  #join(name: string, run: number): void {
    const { membership, log } = this.#options
    const begun = this.#runs.get(run)!
    begun.joined = true
    const { url } = begun.spawned!
    // One that sends heartbeats may be known already, and better.
    if (!membership.has(name)) membership.register({ name, url })
    log.info({ event: 'joined', backend: name, url }, `${name} takes requests at ${url}`)
  }

  async #stop({ name, run, why }: { name: string; run: number; why: 'removed' | 'too slow' }): Promise<void> {
    const { drainTimeMs = defaultDrainTimeMs, log } = this.#options
    const begun = this.#runs.get(run)!
    begun.ending.abort()
    log.info({ event: 'stopping', backend: name, reason: why }, `${name} is ended: ${why}`)
    if (why === 'removed' && begun.joined)
      await pause(drainTimeMs, undefined, { signal: this.#ending.signal }).catch(() => undefined) // the end does not wait
    await begun.spawned?.stop()
  }
}
