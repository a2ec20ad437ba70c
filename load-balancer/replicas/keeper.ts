/**
 * Keeps the wanted servers alive: what is to be spawned, joined, ended or given up. Pure: events in, effects out,
 * the time is handed in. Each start of a server is a *run* with a number of its own, so that late news of one that has
 * ended is told from news of the next.
 */

export interface KeeperSettings {
  /** How long a server may take to accept connections, milliseconds. */
  readonly spawnTimeoutMs: number
  /** The pause after a first crash; it doubles with each further one. */
  readonly backOffFirstMs: number
  readonly backOffMaxMs: number
  /** A server that served this long is well: its next crash is a first one. */
  readonly healthyMs: number
  /** This many crashes in `crashWindowMs`, and a server is given up. */
  readonly crashesMax: number
  readonly crashWindowMs: number
}

export const defaultKeeperSettings: KeeperSettings = {
  spawnTimeoutMs: 30_000,
  backOffFirstMs: 100,
  backOffMaxMs: 10_000,
  healthyMs: 10_000,
  crashesMax: 10,
  crashWindowMs: 600_000,
}

export type KeeperEvent =
  /** From now on these are wanted. None of them may be wanted already. */
  | { type: 'add'; names: readonly string[] }
  /** From now on these are not wanted. */
  | { type: 'remove'; names: readonly string[] }
  /** It accepts connections. */
  | { type: 'ready'; name: string; run: number }
  /** It ended, or could not be started. */
  | { type: 'exited'; name: string; run: number; reason: string }
  | { type: 'tick' }
  /** The balancer ends: nothing is wanted any more. */
  | { type: 'end' }

export type KeeperEffect =
  | { type: 'spawn'; name: string; run: number }
  /** It takes requests from now on. */
  | { type: 'join'; name: string; run: number }
  /** It takes no more requests. */
  | { type: 'leave'; name: string }
  | { type: 'stop'; name: string; run: number; why: 'removed' | 'too slow' }
  | { type: 'crashed'; name: string; reason: string; crashes: number; delayMs: number }
  | { type: 'gave up'; name: string; reason: string; crashes: number }

export type ReplicaState =
  | { state: 'starting'; run: number; deadlineMs: number }
  | { state: 'running'; run: number; sinceMs: number }
  | { state: 'ending'; run: number; why: 'removed' | 'too slow' }
  /** For its next run. */
  | { state: 'waiting'; untilMs: number }
  | { state: 'given up'; reason: string }

interface Replica {
  readonly name: string
  wanted: boolean
  /** When it crashed since it was well, milliseconds, oldest first; never more than `crashesMax`. */
  crashesMs: number[]
  now: ReplicaState
}

export class Keeper {
  readonly #settings: KeeperSettings
  readonly #replicas = new Map<string, Replica>()
  #runs = 0
  #ended = false

  constructor(settings: KeeperSettings) {
    this.#settings = settings
  }

  /** Those wanted and not given up, in the order in which they were asked for. */
  get names(): readonly string[] {
    return this.#list(({ wanted, now }) => wanted && now.state !== 'given up')
  }

  get givenUp(): readonly string[] {
    return this.#list(({ now }) => now.state === 'given up')
  }

  /** What becomes of `name`; undefined if there is nothing of it. */
  state(name: string): ReplicaState | undefined {
    return this.#replicas.get(name)?.now
  }

  /** When the next `tick` is due; infinite if nothing waits. */
  get nextTickMs(): number {
    return [...this.#replicas.values()].reduce((next, { now }) => Math.min(next, dueMs(now)), Number.POSITIVE_INFINITY)
  }

  take(event: KeeperEvent, nowMs: number): KeeperEffect[] {
    switch (event.type) {
      case 'add':
        return event.names.flatMap((name) => this.#add(name, nowMs))
      case 'remove':
        return event.names.flatMap((name) => this.#remove(name))
      case 'ready':
        return this.#ready(event.name, event.run, nowMs)
      case 'exited':
        return this.#exited(event.name, event.run, event.reason, nowMs)
      case 'tick':
        return [...this.#replicas.values()].flatMap((replica) => this.#due(replica, nowMs))
      case 'end':
        this.#ended = true
        return [...this.#replicas.keys()].reverse().flatMap((name) => this.#remove(name))
    }
  }

  #add(name: string, nowMs: number): KeeperEffect[] {
    if (this.#ended) return []
    const known = this.#replicas.get(name)
    if (known?.wanted && known.now.state !== 'given up') throw new Error(`${name} is kept already`)
    if (known?.now.state === 'ending') {
      // Its name is free once it has ended; then the next run begins.
      Object.assign(known, { wanted: true, crashesMs: [] })
      return []
    }
    this.#replicas.delete(name)
    const replica: Replica = { name, wanted: true, crashesMs: [], now: { state: 'waiting', untilMs: nowMs } }
    this.#replicas.set(name, replica)
    return [this.#spawn(replica, nowMs)]
  }

  #remove(name: string): KeeperEffect[] {
    const replica = this.#replicas.get(name)
    if (!replica) return []
    const { now } = replica
    replica.wanted = false
    switch (now.state) {
      case 'waiting':
      case 'given up':
        this.#replicas.delete(name)
        return []
      case 'ending':
        return []
      case 'starting':
      case 'running':
        return [...leaving(replica), this.#stop(replica, now.run, 'removed')]
    }
  }

  #ready(name: string, run: number, nowMs: number): KeeperEffect[] {
    const replica = this.#replicas.get(name)
    if (replica?.now.state !== 'starting' || replica.now.run !== run) return []
    replica.now = { state: 'running', run, sinceMs: nowMs }
    return [{ type: 'join', name, run }]
  }

  #exited(name: string, run: number, reason: string, nowMs: number): KeeperEffect[] {
    const replica = this.#replicas.get(name)
    if (!replica || runOf(replica.now) !== run) return []
    if (!replica.wanted) {
      this.#replicas.delete(name)
      return leaving(replica)
    }
    const { now } = replica
    // Added again while it ended: what ended was meant to.
    if (now.state === 'ending' && now.why === 'removed') return [this.#spawn(replica, nowMs)]
    const slow = `did not accept connections within ${this.#settings.spawnTimeoutMs} ms`
    return [...leaving(replica), this.#crashed(replica, now.state === 'ending' ? slow : reason, nowMs)]
  }

  #crashed(replica: Replica, reason: string, nowMs: number): KeeperEffect {
    const { name, now } = replica
    const { backOffFirstMs, backOffMaxMs, crashWindowMs, crashesMax, healthyMs } = this.#settings
    const wasWell = now.state === 'running' && nowMs - now.sinceMs >= healthyMs
    const before = wasWell ? [] : replica.crashesMs.filter((crashMs) => nowMs - crashMs < crashWindowMs)
    replica.crashesMs = [...before, nowMs]
    const crashes = replica.crashesMs.length
    if (crashes >= crashesMax) {
      replica.now = { state: 'given up', reason }
      return { type: 'gave up', name, reason, crashes }
    }
    const delayMs = Math.min(backOffFirstMs * 2 ** (crashes - 1), backOffMaxMs)
    replica.now = { state: 'waiting', untilMs: nowMs + delayMs }
    return { type: 'crashed', name, reason, crashes, delayMs }
  }

  #due(replica: Replica, nowMs: number): KeeperEffect[] {
    if (dueMs(replica.now) > nowMs) return []
    if (replica.now.state === 'starting') return [this.#stop(replica, replica.now.run, 'too slow')]
    return [this.#spawn(replica, nowMs)]
  }

  #spawn(replica: Replica, nowMs: number): KeeperEffect {
    this.#runs += 1
    replica.now = { state: 'starting', run: this.#runs, deadlineMs: nowMs + this.#settings.spawnTimeoutMs }
    return { type: 'spawn', name: replica.name, run: this.#runs }
  }

  #stop(replica: Replica, run: number, why: 'removed' | 'too slow'): KeeperEffect {
    replica.now = { state: 'ending', run, why }
    return { type: 'stop', name: replica.name, run, why }
  }

  #list(accepts: (replica: Replica) => boolean): readonly string[] {
    return [...this.#replicas.values()].filter(accepts).map(({ name }) => name)
  }
}

function leaving({ name, now }: Replica): KeeperEffect[] {
  return now.state === 'running' ? [{ type: 'leave', name }] : []
}

function runOf(now: ReplicaState): number | undefined {
  return 'run' in now ? now.run : undefined
}

function dueMs(now: ReplicaState): number {
  if (now.state === 'waiting') return now.untilMs
  return now.state === 'starting' ? now.deadlineMs : Number.POSITIVE_INFINITY
}
