/**
 * Invariants 1 and 2, from what clients were told and what the journal holds. They say more than linearizability, which only knows what
 * somebody read: here every acknowledged change must stand in the valid history, and no change may stand there more often than it was asked for.
 */
import { canonical } from '../linearizability/models.ts'
import type { BookingResult, CounterResult, Operation, RegisterResult } from '../linearizability/operation.ts'
import type { Finding } from './finding.ts'
import type { PlainFold } from './plain-fold.ts'

const mapOf = { register: 'registers', counter: 'counters', booking: 'bookings' } as const

/** Every change that a client was told of stands exactly once in the valid history of the journal. */
export function acknowledged(operations: readonly Operation[], fold: PlainFold): Finding | null {
  const valid = changesByValue(fold)
  for (const operation of operations) {
    const wanted = changeTold(operation)
    if (wanted === null) continue
    const offsets = valid.get(`${mapOf[operation.model]} ${operation.key} ${wanted}`) ?? []
    if (offsets.length === 1) continue
    const found = offsets.length === 0 ? 'stands nowhere in it' : `stands at offsets ${offsets.join(', ')}`
    const told = `${operation.client} was told ${JSON.stringify(operation.result)}`
    return {
      invariant: offsets.length === 0 ? 1 : 2,
      lines: [
        `${operation.model} ${operation.key}: ${told} for ${JSON.stringify(operation.call)}; the journal: ${found}`,
      ],
    }
  }
  return null
}

/** No request of a session is applied twice, and nothing changes more often than it was asked for, refusals not counted. */
export function atMostOnce(operations: readonly Operation[], fold: PlainFold): Finding | null {
  const offsetOf = new Map<string, number>()
  for (const { request, offset } of fold.transactions) {
    if (request === null) continue
    const before = offsetOf.get(request)
    if (before !== undefined)
      return { invariant: 2, lines: [`request ${request} was applied at offset ${before} and again at ${offset}`] }
    offsetOf.set(request, offset)
  }
  const allowed = Map.groupBy(
    operations.filter(({ result }) => result !== 'not applied'),
    (operation) => askedChange(operation),
  )
  const made = fold.transactions.flatMap(({ changes, offset }) => changes.map((change) => ({ ...change, offset })))
  const counted = Map.groupBy(made, ({ map, key, text }) => madeChange(map, key, text))
  for (const [what, changes] of counted) {
    const asked = what === null ? changes.length : (allowed.get(what)?.length ?? 0)
    if (changes.length <= asked) continue
    const offsets = changes.map(({ offset }) => offset).join(', ')
    const times = `${changes.length} times, at offsets ${offsets}`
    return { invariant: 2, lines: [`${what} was asked for ${asked} times and stands in the journal ${times}`] }
  }
  return null
}

function changesByValue(fold: PlainFold): Map<string, number[]> {
  const found = new Map<string, number[]>()
  for (const { changes, offset } of fold.transactions) {
    for (const { map, key, text } of changes) {
      const name = `${map} ${key} ${text === null ? 'deleted' : canonical(JSON.parse(text))}`
      const offsets = found.get(name)
      if (offsets) offsets.push(offset)
      else found.set(name, [offset])
    }
  }
  return found
}

/** What the journal must hold once; null if the answer tells of no change, or of one that may rightly stand there more often. */
function changeTold(operation: Operation): string | null {
  const { model, call, result } = operation
  if (typeof result === 'string' || call.name === 'get' || call.name === 'cancel') return null
  if (model === 'counter') return String((result as CounterResult).value)
  if (model === 'register') {
    const { ok, value, version } = result as RegisterResult
    return ok ? canonical({ value, version }) : null
  }
  const { ok, user, id } = result as BookingResult
  return ok && user !== undefined && id !== undefined ? canonical({ user, id }) : null
}

/** Names what an operation would change, as far as the journal can tell it from other changes. */
function askedChange({ model, key, call }: Operation): string | null {
  if (call.name === 'get') return null
  if (model === 'counter') return `an increment of ${key}`
  if (call.name === 'cancel') return `a cancelling of ${key}`
  if (call.name === 'book') return `a booking of ${key} by ${call.user}`
  return 'value' in call ? `setting ${key} to ${canonical(call.value)}` : null
}

function madeChange(map: string, key: string, text: string | null): string | null {
  if (map === 'counters') return `an increment of ${key}`
  if (map === 'bookings' && text === null) return `a cancelling of ${key}`
  if (map === 'bookings') return `a booking of ${key} by ${JSON.parse(text!).user}`
  return map === 'registers' ? `setting ${key} to ${canonical(JSON.parse(text!).value)}` : null
}
