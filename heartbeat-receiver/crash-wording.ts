/**
 * What a person is told of a crash: what happened, what was done about it, and what is left to do, if anything. One wording for the log, for
 * the terminal and for the dashboard. Pure.
 */
import type { Crash } from './events.ts'

/** So many crashes of one backend within {@link loopWindowMs} are a loop: it is started again and again, and cannot live. */
export const loopCrashes = 3
export const loopWindowMs = 10 * 60_000

/** What was known when it happened, beside the crash itself. */
export interface CrashCircumstances {
  /** Who could take over from whoever leads now: alive, caught up, not draining. The one that leads is not among them. */
  readonly standbys: readonly string[]
  /** Who is starting, and how far it is, from 0 to 1; null if it does not say. */
  readonly starting: readonly { readonly name: string; readonly ratio: number | null }[]
  /** False if no backend reaches the journal; null while none says so. */
  readonly journalReachable: boolean | null
  /** When that same backend crashed of late, this crash included, Unix milliseconds; in any order. */
  readonly crashesAtMs: readonly number[]
  /** Unix milliseconds. */
  readonly nowMs: number
}

/** Sentences without a full stop. */
export interface CrashWords {
  readonly happened: string
  readonly done: string
  /** Null if there is nothing to do. */
  readonly advice: string | null
}

/** Without `circumstances`, only what follows from the crash alone is advised. */
export function wordCrash(crash: Crash, circumstances?: CrashCircumstances): CrashWords {
  return {
    happened: crashHappened(crash),
    done: whatWasDone(crash, circumstances),
    advice: whatIsToDo(crash, circumstances),
  }
}

/** Such as `backend-1 crashed: its connection was closed and a new one was refused`; `is lost` as long as it is not certain. */
export function crashHappened({ name, proven, reason }: Pick<Crash, 'name' | 'proven' | 'reason'>): string {
  return `${name} ${proven ? 'crashed' : 'is lost'}: ${reason}`
}

/** Such as `backend-2 leads now with epoch 2, decided in 9.2 ms`. */
export function crashOutcome({ leader, tookMs }: Pick<Crash, 'leader' | 'tookMs'>): string {
  if (leader === null) return 'nobody can lead now'
  if (!leader.decided) return `${leader.name} still leads with epoch ${leader.epoch}`
  return `${leader.name} leads now with epoch ${leader.epoch}, decided in ${Math.round(tookMs * 10) / 10} ms`
}

function whatWasDone(crash: Crash, circumstances: CrashCircumstances | undefined): string {
  const outcome = crashOutcome(crash)
  if (crash.leader !== null) return outcome
  const starting = circumstances?.starting ?? []
  const names = starting.map(({ name, ratio }) => (ratio === null ? name : `${name} (${Math.floor(ratio * 100)} %)`))
  const next = names.length === 0 ? '' : `, and ${listed(names)} ${names.length === 1 ? 'is' : 'are'} starting`
  return `${outcome}; the balancers hold requests meanwhile${next}`
}

/** The most urgent thing first: there is one sentence. */
function whatIsToDo(crash: Crash, circumstances: CrashCircumstances | undefined): string | null {
  const { name, leader, proven } = crash
  const { standbys, starting = [], journalReachable = null } = circumstances ?? {}
  if (leader === null && journalReachable === false)
    return 'no backend reaches the journal: bring Kafka back; the backends then go on by themselves'
  if (leader === null && starting.length === 0)
    return 'start a backend: there is none to take over, and what is held for longer than the hold time is refused with 503'
  const loop = circumstances && crashLoop(circumstances)
  if (loop)
    return `${name} crashed ${loop.crashes} times within ${loop.minutes === 1 ? 'a minute' : `${loop.minutes} minutes`}: look for the cause in its log, and leave it stopped, or go back to the version before`
  if (leader && standbys?.length === 0 && starting.length === 0)
    return `start ${name} again, unless something does that by itself: until then nobody could take over from ${leader.name}`
  if (!proven)
    return `it is not certain that the process is dead: look at it, and end it if it hangs; if it comes back it joins as a standby`
  return null
}

function crashLoop({ crashesAtMs, nowMs }: CrashCircumstances): { crashes: number; minutes: number } | null {
  const recent = crashesAtMs.filter((atMs) => nowMs - atMs < loopWindowMs)
  if (recent.length < loopCrashes) return null
  return { crashes: recent.length, minutes: Math.max(1, Math.ceil((nowMs - Math.min(...recent)) / 60_000)) }
}

/** `a`, `a and b`, `a, b and c`. */
function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}
