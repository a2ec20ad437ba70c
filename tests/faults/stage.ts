/** What a row can do to the installation that it runs on, and what it can wait for. Every step is noted for the story. */
import { setTimeout as sleep } from 'node:timers/promises'
import { unixNowMs } from '../../compose/load/clock.ts'
import type { Installation } from './installation.ts'
import { cut } from './network.ts'
import type { Traffic } from './traffic.ts'

const waitMs = 20_000
const pollMs = 5
/** So many good answers to new requests show that it goes on: more than there are clients. */
const enoughAnswers = 32

export interface Note {
  readonly atMs: number
  readonly text: string
}

export class Stage {
  readonly system: Installation
  readonly traffic: Traffic
  readonly notes: Note[] = []
  /** What the row found to be other than promised, beside what clients saw. */
  readonly complaints: string[] = []
  readonly #signal: AbortSignal

  constructor(system: Installation, traffic: Traffic, signal: AbortSignal) {
    this.system = system
    this.traffic = traffic
    this.#signal = signal
  }

  note(text: string): void {
    this.notes.push({ atMs: unixNowMs(), text })
  }

  complain(text: string): void {
    this.note(`NOT AS PROMISED: ${text}`)
    this.complaints.push(text)
  }

  /** The backend that answers now. */
  active(): string {
    const name = this.traffic.last?.backend
    if (!name) throw new Error('no backend has answered yet')
    return name
  }

  standbys(): string[] {
    const active = this.active()
    return this.system.namesOf('backend').filter((name) => name !== active)
  }

  kill(...names: string[]): void {
    this.note(`kill -9 ${names.join(' ')}`)
    for (const name of names) this.system.kill(name)
  }

  /** A signal that is not meant to end it at once. */
  signal(name: string, signal: NodeJS.Signals): void {
    this.note(`${signal} to ${name}`)
    this.system.signal(name, signal)
  }

  /** A signal that does end it. */
  end(name: string, signal: NodeJS.Signals): void {
    this.note(`${signal} to ${name}, which ends it`)
    this.system.kill(name, signal)
  }

  async start(...names: string[]): Promise<void> {
    await Promise.all(
      names.map(async (name) => {
        await this.system.ended(name)
        this.note(`start ${name}`)
        await this.system.run(name)
        this.note(`${name} listens`)
      }),
    )
  }

  async cut(one: string, others: readonly string[]): Promise<void> {
    this.note(`cut ${one} off from ${others.join(', ')}`)
    await cut(this.system.network, one, others)
  }

  /** Nothing of what `from` sends reaches `to`. */
  async block(from: string, to: string): Promise<void> {
    this.note(`block what ${from} sends to ${to}`)
    await this.system.network.block(from, to)
  }

  async heal(): Promise<void> {
    this.note('heal the network')
    await this.system.network.heal()
  }

  async reset(from: string, to: string): Promise<void> {
    const count = await this.system.network.reset(from, to)
    this.note(`reset ${count} connections from ${from} to ${to}`)
    if (count === 0) this.complain(`there was no connection from ${from} to ${to} to reset`)
  }

  async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#signal })
  }

  /** Waits until another backend than `name` answers. */
  async untilTakenOverFrom(name: string): Promise<string> {
    const sinceMs = unixNowMs()
    const other = await this.until(`another backend than ${name} to answer`, () =>
      this.traffic.answeredSince(sinceMs).find(({ backend }) => backend !== name && backend !== ''),
    )
    this.note(`${other.backend} answers, epoch ${other.epoch}`)
    await this.untilServed()
    return other.backend
  }

  /** Waits until requests that are sent from now on are answered. */
  async untilServed(): Promise<void> {
    const sinceMs = unixNowMs()
    await this.until('new requests to be answered', () => this.traffic.answeredSince(sinceMs).length >= enoughAnswers)
    this.note('requests are answered')
  }

  /** Waits until everything runs and works together. */
  async untilWhole(): Promise<void> {
    await this.system.untilWhole(waitMs)
    this.note('everything works together')
  }

  /** Waits for a line of a process's log. */
  untilSaid(process: string, pattern: RegExp): Promise<unknown> {
    const sinceMs = unixNowMs()
    return this.until(`${process} to say ${pattern}`, () =>
      this.system.lines.find((said) => said.process === process && said.atMs >= sinceMs && saysIn(said.line, pattern)),
    )
  }

  async until<Value>(what: string, check: () => Value | undefined | false | Promise<Value | undefined | false>) {
    const deadlineMs = performance.now() + waitMs
    for (;;) {
      this.#signal.throwIfAborted()
      const value = await check()
      if (value !== undefined && value !== false) return value
      if (performance.now() > deadlineMs) throw new Error(`waited ${waitMs} ms for ${what}`)
      await this.pause(pollMs)
    }
  }
}

function saysIn(line: Record<string, unknown>, pattern: RegExp): boolean {
  return pattern.test(`${line.msg ?? ''}`) || pattern.test(`${line.event ?? ''}`)
}
