/** What a person reads in the log: one line per change of state. */
import type { Logger } from 'pino'
import { type CrashWords, crashHappened, crashOutcome, wordCrash } from './crash-wording.ts'
import type { Crash, Effect } from './events.ts'
import type { ReceiverEvent } from './protocol.ts'
import { readable } from './readable-text.ts'

type Vacancy = Extract<Effect, { type: 'vacant' }>

/** Writes the line of an event. */
export function announce(log: Logger, event: ReceiverEvent): void {
  switch (event.type) {
    case 'joined':
      return log.info({ event: 'joined', backend: event.name, incarnation: event.incarnation }, `${event.name} joined`)
    case 'left':
      if (event.crashed) return // told by announceCrash, with what came of it
      return log.info(
        { event: 'left', backend: event.name, reason: event.reason },
        `${event.name} left: ${event.reason}`,
      )
    case 'suspected':
      return log.info(
        { event: 'suspected', backend: event.name, incarnation: event.incarnation, reason: event.reason },
        `${event.name} is suspected: ${event.reason}`,
      )
    case 'decided': {
      const { name, epoch, incarnation } = event.decision
      const tookMs = rounded((event.decidedAtMs ?? event.atMs) - event.detectedAtMs) // of one clock
      return log.info(
        {
          event: 'decided',
          epoch,
          backend: name,
          incarnation,
          from: event.previous,
          to: name,
          reason: event.reason,
          tookMs,
        },
        `${name} is to lead with epoch ${epoch}: ${event.reason}`,
      )
    }
    case 'ready':
      return log.info(
        { event: 'ready', epoch: event.epoch, backend: event.name },
        `${event.name} leads, epoch ${event.epoch}`,
      )
    case 'fenced':
      return log.warn(
        { event: 'fenced', epoch: event.epoch, backend: event.name, from: 'active', to: 'standby' },
        `${event.name} found itself fenced by epoch ${event.epoch}`,
      )
  }
}

/** Writes the one line that a person must see when a server has crashed; its fields are what a terminal shows as a block. */
export function announceCrash(log: Logger, crash: Crash, words: CrashWords = wordCrash(crash)): void {
  const { name, incarnation, reason, proven, leader, tookMs } = crash
  const lastLines = crash.lastLines.map(readable)
  log.error(
    {
      ...{ event: 'crashed', backend: name, incarnation, reason, proven, tookMs: rounded(tookMs) },
      ...{ leader: leader?.name ?? null, epoch: leader?.epoch ?? null },
      ...{ done: words.done, advice: words.advice },
      ...(lastLines.length > 0 ? { lastLines } : {}),
    },
    `${crashHappened(crash)}; ${crashOutcome(crash)}${quote(lastLines)}`,
  )
}

/** Nobody can lead: why one is needed, and who will be able to. At the very first start that is no cause for a warning. */
export function announceVacancy(log: Logger, { epoch, reason, starting }: Vacancy): void {
  const names = starting.map(({ name, ratio }) => (ratio === null ? name : `${name} (${Math.floor(ratio * 100)} %)`))
  const waited = names.length === 0 ? '' : `; starting: ${names.join(', ')}`
  log[epoch === 0 ? 'info' : 'warn'](
    { event: 'vacant', epoch, reason, starting: starting.map(({ name }) => name) },
    `waiting for a backend that can lead: ${reason}${waited}`,
  )
}

function quote(lines: readonly string[]): string {
  return lines.length === 0 ? '' : `; its last lines: ${lines.join(' | ')}`
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10
}
