/** Clients of the simulated world: they ask balancers for what the ticket office offers, keep to their keys, and note what they were told. */
import type { History, Pending } from '../linearizability/history.ts'
import type { Invocation, Results, Unanswered } from '../linearizability/operation.ts'
import { requestOf, resultOf } from '../linearizability/ticket-office-calls.ts'
import type { End } from './connection.ts'
import type { SimAnswer, SimRequest } from './http.ts'
import { addressOf, type Network } from './network.ts'
import type { SimProcess } from './process.ts'
import { between, chance, pick, type Random, randomBelow } from './random.ts'

export interface ClientOptions {
  readonly process: SimProcess
  readonly network: Network
  /** `http://` URLs. */
  readonly balancers: readonly string[]
  readonly history: History
  /** Milliseconds of thought before the next operation. */
  readonly thinkMs: () => number
  /** Objects of each kind: few, so that clients meet. */
  readonly keys: number
  readonly readShare: number
  /** Share of writes with an Idempotency-Key. */
  readonly keyedShare: number
  readonly impatientShare: number
  /** An operation came to its end. */
  readonly done: (finished: Finished) => void
  readonly violated: (what: string) => void
}

/** An operation that is over, as far as its client is concerned. */
export interface Finished {
  readonly answered: boolean
}

/** A client that has no answer for so long asks again, or gives up if it has no key. Longer than a balancer holds a request. */
const patienceMs = 12_000
/** After an error, milliseconds. */
const againMs = [5, 100] as const
const attemptsMax = 40
const connectTimeoutMs = 1_000

/** One operation under way. */
interface Asked {
  readonly invocation: Invocation
  readonly request: SimRequest
  readonly pending: Pending
  readonly keyed: boolean
  readonly read: boolean
  attempts: number
  underWay: number
  /** Some attempt's outcome is unknown. */
  unknown: boolean
  told: string | null
  over: boolean
}

export class Client {
  readonly #options: ClientOptions
  readonly #random: Random
  readonly #name: string
  /** Kept alive, one for each balancer. */
  readonly #connections = new Map<string, ClientConnection>()
  readonly #registers = new Map<string, unknown>()
  #numbers = 0
  #waiting = 0
  #ended = false

  constructor(options: ClientOptions) {
    this.#options = options
    this.#random = options.process.random
    this.#name = options.process.name
    this.#think()
  }

  /** True while it waits for an answer. */
  get waits(): boolean {
    return this.#waiting > 0
  }

  /** Begins nothing more. */
  end(): void {
    this.#ended = true
  }

  #think(): void {
    this.#options.process.time.after(this.#options.thinkMs(), () => this.#begin())
  }

  #begin(): void {
    if (this.#ended) return
    const { process, history, readShare, keyedShare, impatientShare } = this.#options
    const read = chance(this.#random, readShare)
    const invocation = this.#invocation(read)
    const number = ++this.#numbers
    this.#waiting++
    const keyed = !read && chance(this.#random, keyedShare)
    const { method, path, body } = requestOf(invocation)
    const headers: Record<string, string> = keyed ? { 'idempotency-key': `${this.#name}-${number}` } : {}
    const request = { method, path, headers, body: body === undefined ? null : JSON.stringify(body) }
    const asked: Asked = {
      ...{ invocation, request, keyed, read, pending: history.call(this.#name, invocation) },
      ...{ attempts: 0, underWay: 0, unknown: false, told: null, over: false },
    }
    process.kernel.tell(
      () => `${this.#name} asks ${method} ${path} ${request.body ?? ''}${keyed ? ` key ${number}` : ''}`,
    )
    this.#try(asked, randomBelow(this.#random, this.#options.balancers.length))
    if (keyed && chance(this.#random, impatientShare))
      process.time.after(between(this.#random, 1, 300), () => {
        if (!asked.over) this.#try(asked, asked.attempts)
      })
  }

  #invocation(read: boolean): Invocation {
    const key = String(randomBelow(this.#random, this.#options.keys))
    const model = pick(this.#random, ['counter', 'register', 'booking'] as const)
    const value = `${this.#name}-${this.#numbers + 1}`
    if (read) return { model, key: `${model[0]}${key}`, call: { name: 'get' } }
    if (model === 'counter') return { model, key: `c${key}`, call: { name: 'increment', by: 1 } }
    if (model === 'booking')
      return {
        model,
        key: `b${key}`,
        call: chance(this.#random, 0.5) ? { name: 'book', user: value } : { name: 'cancel' },
      }
    const register = `r${key}`
    if (chance(this.#random, 0.4)) return { model, key: register, call: { name: 'set', value } }
    const expect = (this.#registers.get(register) ?? null) as string | null
    return { model, key: register, call: { name: 'compare-and-set', expect, value } }
  }

  #try(asked: Asked, which: number): void {
    const { balancers, process } = this.#options
    const balancer = balancers[which % balancers.length]!
    asked.attempts++
    asked.underWay++
    let over = false
    const settle = (answer: SimAnswer | null) => {
      if (over) return
      over = true
      cancel()
      asked.underWay--
      this.#heard(asked, answer, which)
    }
    const connection = this.#connectionTo(balancer)
    const cancel = process.time.after(patienceMs, () => {
      connection.hangUp()
      settle(null)
    })
    connection.ask(asked.request, settle)
  }

  #connectionTo(balancer: string): ClientConnection {
    const kept = this.#connections.get(balancer)
    if (kept?.free) return kept
    const { network, process } = this.#options
    const made = new ClientConnection(network, process, balancer)
    this.#connections.set(balancer, made)
    return made
  }

  #heard(asked: Asked, answer: SimAnswer | null, which: number): void {
    const { process, violated } = this.#options
    const body = answer === null ? undefined : (JSON.parse(answer.body || 'null') as unknown)
    const result = answer === null ? 'unknown' : resultOf(asked.invocation, answer.status, body)
    process.kernel.tell(
      () =>
        `${this.#name} is told ${answer?.status ?? 'nothing'} ${answer?.body ?? ''} by ${answer?.headers['x-heartline-backend'] ?? '-'}`,
    )
    process.kernel.mark(answer?.status ?? 0)
    if (result === 'unknown') asked.unknown = true
    if (typeof result === 'object') {
      const told = JSON.stringify(result)
      if (asked.told !== null && asked.told !== told && !asked.read)
        violated(`${this.#name} was told ${asked.told} and then ${told} for one key`)
      asked.told = told
      this.#learn(asked.invocation, result)
      return this.#finish(asked, result)
    }
    if (asked.over || asked.underWay > 0) return
    if ((asked.keyed || asked.read) && asked.attempts < attemptsMax && !this.#ended) {
      process.time.after(between(this.#random, ...againMs), () => {
        if (!asked.over) this.#try(asked, which + 1)
      })
      return
    }
    this.#finish(asked, asked.unknown ? 'unknown' : 'not applied')
  }

  #learn({ model, key }: Invocation, result: Results[keyof Results]): void {
    if (model === 'register' && 'version' in result) this.#registers.set(key, result.value)
  }

  #finish(asked: Asked, result: Results[keyof Results] | Unanswered): void {
    if (asked.over) return
    asked.over = true
    this.#waiting--
    asked.pending.finish(result)
    this.#options.done({ answered: typeof result === 'object' })
    this.#think()
  }
}

/** A connection to a balancer, kept alive: one request at a time. */
class ClientConnection {
  #end: End | null = null
  #settle: ((answer: SimAnswer | null) => void) | null = null
  #request: SimRequest | null = null
  #over = false

  constructor(network: Network, process: SimProcess, url: string) {
    network.connect(
      process,
      addressOf(url),
      connectTimeoutMs,
      (end) => {
        this.#end = end
        if (this.#over) end.terminate()
        else if (this.#request) end.send(this.#request)
        return { onItem: (item) => this.#answered(item as SimAnswer), onClose: () => this.#lost() }
      },
      () => this.#lost(),
    )
  }

  get free(): boolean {
    return !this.#over && this.#settle === null
  }

  ask(request: SimRequest, settle: (answer: SimAnswer | null) => void): void {
    this.#settle = settle
    this.#request = request
    this.#end?.send(request)
  }

  /** The client waits no longer. */
  hangUp(): void {
    this.#over = true
    this.#end?.terminate()
  }

  #answered(answer: SimAnswer): void {
    const settle = this.#settle
    this.#settle = null
    this.#request = null
    settle?.(answer)
  }

  #lost(): void {
    this.#over = true
    const settle = this.#settle
    this.#settle = null
    settle?.(null)
  }
}
