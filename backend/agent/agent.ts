/** An agent: sends heartbeats for a server in any language, which it checks from outside, and runs if it is given the command. */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type Heartbeats, startHeartbeats } from '../heartbeat-client.ts'
import { AgentCore, type AgentEffect, type AgentInput } from './agent-core.ts'
import { check } from './check.ts'
import { Child, type ChildEnd, type ChildOutputs, describeEnd, exitCodeOf } from './child.ts'
import { type AgentOptions, nameOf } from './config.ts'
import { within } from './within.ts'

/** How long an agent that stops and leads waits until another was named, milliseconds. */
const handOverDeadlineMs = 2_000

/** What ends a child whose agent was killed. */
export interface ChildGuard {
  /** A process, or a group of them if negative. */
  add(pid: number): void
  remove(pid: number): void
}

export interface AgentDependencies {
  readonly guard: ChildGuard
  /** Where the command's output goes. */
  readonly outputs: ChildOutputs
  readonly environment: NodeJS.ProcessEnv
}

/**
 * Runs an agent until it is aborted or the command has ended. Resolves with the exit code: the command's own if it ended by itself.
 * @throws BackendError COMMAND_FAILED, REFUSED_BY_RECEIVER; ReceiverError BAD_URL
 */
export async function runAgent(
  options: AgentOptions,
  log: Logger,
  signal: AbortSignal,
  { environment, outputs, guard }: AgentDependencies,
): Promise<number> {
  signal.throwIfAborted()
  const child = await startCommand(options.command, environment, outputs)
  if (child) guard.add(-child.pid)
  try {
    return await new Agent(options, log, child).run(signal)
  } finally {
    child?.kill('SIGKILL') // what it has left behind would hold its port
    if (child) guard.remove(-child.pid)
  }
}

async function startCommand(
  [file, ...args]: readonly string[],
  environment: NodeJS.ProcessEnv,
  outputs: ChildOutputs,
): Promise<Child | null> {
  if (file === undefined) return null
  const { HEARTLINE_TOKEN: _, HEARTLINE_TOKEN_FILE: __, ...rest } = environment // the installation's secret is no business of the command's
  return Child.start([file, ...args], rest, outputs)
}

class Agent {
  readonly #options: AgentOptions
  readonly #log: Logger
  readonly #core: AgentCore
  readonly #child: Child | null
  readonly #heartbeats: Heartbeats
  readonly #refused = Promise.withResolvers<never>()
  readonly #succeeded = Promise.withResolvers<void>()
  #timer: NodeJS.Timeout | undefined
  #checking = false
  #hasListened = false
  #ended = false

  constructor(options: AgentOptions, log: Logger, child: Child | null) {
    const { url, receivers, token, weight, direct } = options
    const name = options.name ?? nameOf(url)
    this.#options = options
    this.#log = log.child({ backend: name })
    this.#core = new AgentCore(options)
    this.#child = child
    this.#heartbeats = startHeartbeats({
      receivers,
      token,
      hello: { name, incarnation: randomUUID(), url: new URL(url).origin, weight, direct, exactlyOnce: false },
      log: this.#log,
      status: () => this.#core.status(),
      onLead: (epoch) => this.#take({ type: 'lead', epoch }),
      onEpoch: (epoch) => this.#take({ type: 'epoch', epoch }),
      onRefused: (error) => this.#refused.reject(error),
    })
  }

  async run(signal: AbortSignal): Promise<number> {
    const child = this.#child
    if (child) this.#log.info({ event: 'started', pid: child.pid }, `started the command, pid ${child.pid}`)
    void this.#check()
    const aborted = Promise.withResolvers<null>()
    signal.addEventListener('abort', () => aborted.resolve(null), { once: true })
    if (signal.aborted) aborted.resolve(null)
    try {
      const end = await Promise.race([aborted.promise, this.#refused.promise, ...(child ? [child.ended] : [])])
      return end ? this.#died(end) : await this.#stop()
    } catch (refusal) {
      await this.#stop()
      throw refusal
    }
  }

  /** The command has ended by itself: the receivers are told at once. Returns its exit code. */
  #died(end: ChildEnd): number {
    const reason = describeEnd(end)
    this.#end(reason, end.code === 0 ? undefined : { lastLines: this.#child!.lastLines })
    this.#log[end.code === 0 ? 'info' : 'error']({ event: 'exited', ...end }, reason)
    return exitCodeOf(end)
  }

  /** Ends in order: another is named, the balancers turn away, and then the command ends. Returns the exit code. */
  async #stop(): Promise<number> {
    const led = this.#core.phase === 'active'
    this.#take({ type: 'stop' })
    const child = this.#child
    const end = child && (await Promise.race([child.ended, this.#handOver(led)]))
    if (end) return this.#died(end)
    this.#end('stopped in order')
    const { stopTimeoutMs } = this.#options
    if (child && !(await child.stop(stopTimeoutMs)))
      this.#log.warn({ event: 'killed' }, `the command did not end within ${stopTimeoutMs} ms and was killed`)
    return 0
  }

  /** Waits until another leads, and then for requests under way. */
  async #handOver(led: boolean): Promise<null> {
    if (!this.#heartbeats.connected) return null
    if (led && !(await within(this.#succeeded.promise, handOverDeadlineMs)))
      this.#log.info('nobody took over in time; stopping all the same')
    await delay(this.#options.drainMs)
    return null
  }

  #end(reason: string, crash?: { lastLines: string[] }): void {
    this.#ended = true
    clearTimeout(this.#timer)
    this.#heartbeats.close(reason, crash)
  }

  async #check(): Promise<void> {
    if (this.#checking || this.#ended) return
    clearTimeout(this.#timer)
    this.#checking = true
    const { url, check: path, checkTimeoutMs: timeoutMs } = this.#options
    const outcome = await check({ url, path, timeoutMs })
    this.#checking = false
    if (this.#ended) return
    this.#take({ type: 'checked', outcome })
    this.#timer = setTimeout(() => void this.#check(), this.#core.pauseMs)
  }

  #take(input: AgentInput): void {
    for (const effect of this.#core.step(input)) this.#carryOut(effect)
    if (this.#core.isSucceeded) this.#succeeded.resolve()
  }

  #carryOut(effect: AgentEffect): void {
    switch (effect.type) {
      case 'refuse':
        return this.#heartbeats.refuse(effect.epoch, effect.reason)
      case 'check':
        void this.#check()
        return
      case 'phase':
        this.#heartbeats.statusChanged()
        return this.#tell(effect)
    }
  }

  #tell({ from, to, epoch, reason }: AgentEffect & { type: 'phase' }): void {
    const { url } = this.#options
    this.#log.info({ event: 'phase', from, to, epoch, reason }, `from ${from} to ${to}: ${reason}`)
    if (to !== 'standby' || this.#hasListened) return
    this.#hasListened = true
    this.#log.info({ event: 'listening', url }, `the server at ${url} is well`)
  }
}
