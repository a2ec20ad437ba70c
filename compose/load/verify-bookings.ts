/** Seats: booked once, cancelled at most once, never booked again. */
import { type Finding, finding, judgeOrder, type Observation } from './findings.ts'
import type { Answer, HistoryEntry } from './operations.ts'

type Booking = { user: string; id: string }

/** All operations on one seat, and its booking at the end (undefined if free). */
export function verifySeat(key: string, entries: HistoryEntry[], final: Booking | undefined): Finding[] {
  const seat = gather(entries)
  const found: MakeFinding = (kind, detail) => finding(kind, key, detail)
  const findings: Finding[] = []
  for (const { user } of seat.acknowledged.slice(1))
    findings.push(found('doubled', `booked for ${seat.acknowledged[0]!.user} and again for ${user}`))
  findings.push(...judgeEnd(seat, final, found))
  for (const entry of entries) findings.push(...judgeAnswer(seat, entry, found))
  return [...findings, ...judgeOrder(key, observe(seat, entries))]
}

interface Seat {
  acknowledged: (Booking & { endMs: number })[]
  /** Who asked for it, and when. */
  asked: Map<string, number>
  /** Who may have got it without hearing so. */
  unknown: Set<string>
  /** When a cancel was first sent; Infinity if never. */
  cancelSentMs: number
  /** When a cancel was acknowledged; Infinity if never. */
  cancelledMs: number
}

function gather(entries: HistoryEntry[]): Seat {
  const seat: Seat = {
    acknowledged: [],
    asked: new Map(),
    unknown: new Set(),
    cancelSentMs: Number.POSITIVE_INFINITY,
    cancelledMs: Number.POSITIVE_INFINITY,
  }
  for (const { operation, outcome, startMs, endMs } of entries) {
    const answer = outcome.type === 'answered' ? outcome.answer : undefined
    if (operation.op === 'book') {
      seat.asked.set(operation.user, startMs)
      // Refused by its own booking: it got the seat, in a run that nobody answered.
      const byItself = answer?.type === 'taken' && answer.user === operation.user
      if (outcome.type === 'unknown' || byItself) seat.unknown.add(operation.user)
      if (answer?.type === 'booking') seat.acknowledged.push({ ...answer, endMs })
    }
    if (operation.op === 'cancel') {
      if (outcome.type !== 'not-applied') seat.cancelSentMs = Math.min(seat.cancelSentMs, startMs)
      if (answer?.type === 'cancelled') seat.cancelledMs = Math.min(seat.cancelledMs, endMs)
    }
  }
  return seat
}

type MakeFinding = (kind: Finding['kind'], detail: string) => Finding

function judgeEnd(seat: Seat, final: Booking | undefined, found: MakeFinding): Finding[] {
  const [first] = seat.acknowledged
  const acknowledged = seat.acknowledged.some(({ user, id }) => user === final?.user && id === final.id)
  if (final && seat.cancelledMs < Number.POSITIVE_INFINITY)
    return [found('lost', `its cancel was acknowledged, at the end it is booked for ${final.user}`)]
  if (!final && first && seat.cancelSentMs === Number.POSITIVE_INFINITY)
    return [found('lost', `booked for ${first.user}, at the end it is free`)]
  if (final && first && !acknowledged)
    return [found('lost', `booked for ${first.user} as ${first.id}, at the end for ${final.user} as ${final.id}`)]
  if (final && !first && !seat.unknown.has(final.user))
    return [found('wrong', `at the end it is booked for ${final.user}, who was told otherwise or never asked`)]
  return []
}

function judgeAnswer(seat: Seat, { operation, outcome, endMs }: HistoryEntry, found: MakeFinding): Finding[] {
  if (outcome.type !== 'answered') return []
  const { answer } = outcome
  if (operation.op === 'cancel' && answer.type === 'not-found')
    // Only a seat whose booking was acknowledged is cancelled, and only once.
    return [found('doubled', 'its only cancel found it free: the cancel ran before, or the booking was lost')]
  if (operation.op === 'book' && answer.type === 'taken' && answer.user === operation.user)
    return [found('doubled', `${operation.user} was refused by its own booking`)]
  if (operation.op === 'book' && answer.type === 'booking' && answer.user !== operation.user)
    return [found('wrong', `${operation.user} got a booking for ${answer.user}`)]
  // Two bookings of one seat are one finding, made above.
  if (operation.op === 'book' && answer.type === 'booking') return []
  return judgeHolder(seat, answer, endMs, found)
}

function judgeHolder(seat: Seat, answer: Answer, endMs: number, found: MakeFinding): Finding[] {
  if (answer.type !== 'taken' && answer.type !== 'booking') return []
  const [first] = seat.acknowledged
  if (!((seat.asked.get(answer.user) ?? Number.POSITIVE_INFINITY) <= endMs))
    return [found('wrong', `seen as booked for ${answer.user}, who had not asked`)]
  if (first && first.user !== answer.user)
    return [found('wrong', `seen as booked for ${answer.user}, but it is booked for ${first.user}`)]
  if (first && answer.type === 'booking' && answer.id !== first.id)
    return [found('wrong', `seen with id ${answer.id}, but it was booked as ${first.id}`)]
  return []
}

/** Levels of a seat: 0 free, 1 booked, 2 cancelled. */
function observe(seat: Seat, entries: HistoryEntry[]): Observation[] {
  const observations: Observation[] = []
  const bookedMs = seat.acknowledged[0]?.endMs ?? Number.POSITIVE_INFINITY
  for (const { operation, outcome, startMs, endMs } of entries) {
    if (outcome.type !== 'answered') continue
    const { type } = outcome.answer
    if (type === 'cancelled') observations.push({ startMs, endMs, level: 2, made: true })
    if (type === 'taken' || type === 'booking')
      observations.push({ startMs, endMs, level: 1, made: operation.op === 'book' && type === 'booking' })
    if (type !== 'not-found') continue
    // Free before it was booked, or after it was cancelled? Where both are possible, nothing follows.
    if (seat.cancelSentMs > endMs) observations.push({ startMs, endMs, level: 0, made: false })
    else if (bookedMs < startMs) observations.push({ startMs, endMs, level: 2, made: false })
  }
  return observations
}
