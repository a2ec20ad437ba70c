/**
 * The least of a history that shows it is not linearizable. Operations are not just left out: a read of a value whose write was
 * left out would look wrong though it is right. Only steps that keep every order there was are taken, so what stays impossible was:
 *
 * - End the history earlier: a prefix of a linearizable history is linearizable.
 * - Leave out an answer that tells of no change.
 * - Forget an answer and the moment of the call: such a change may then come at any time, or never.
 */
import type { AnyModel } from './models.ts'
import type { Operation } from './operation.ts'
import { ordering } from './ordering.ts'

/** Per attempt to make the history smaller: those that take longer are not worth their saving. */
const stepsMax = 20_000

/** Of changes that were told to have failed the last few are shown: what was seen may be theirs. */
const refusedMax = 3

/** How many attempts are made in all, so that a long history is explained in bounded time. */
const attemptsMax = 400

/** Lines for a person: what cannot be ordered, by start, then what was forgotten on the way. */
export function explanation(
  model: AnyModel,
  operations: readonly Operation[],
  neverApplied: readonly Operation[],
): string[] {
  let attempts = 0
  const isImpossible = (some: readonly Operation[]) =>
    attempts++ < attemptsMax && ordering(model, some, stepsMax) === 'impossible'
  const shown = forgotten(leftOut(shortestPrefix(operations, isImpossible), isImpossible, model), isImpossible, model)
  const kept = shown.filter(({ startMs }) => startMs >= 0)
  const freed = shown.length - kept.length
  const lastMs = Math.max(...kept.map(({ endMs }) => endMs).filter(Number.isFinite))
  const refused = neverApplied.filter((each) => model.changes(each.call) && each.startMs <= lastMs).slice(-refusedMax)
  return [
    `no order explains these, on ${operations[0]!.model} ${operations[0]!.key}:`,
    ...kept.map(line),
    ...(freed > 0 ? [`  not even with ${freed} other changes placed freely, or not at all`] : []),
    ...refused.map((operation) => `${line(operation)}, so it must have no effect`),
  ]
}

type IsImpossible = (operations: readonly Operation[]) => boolean

/** The history up to the first answer that cannot be explained: what had not returned by then has an unknown outcome. */
function shortestPrefix(operations: readonly Operation[], isImpossible: IsImpossible): readonly Operation[] {
  const ends = operations.map(({ endMs, result }) => (result === 'unknown' ? Number.POSITIVE_INFINITY : endMs))
  const returns = [...new Set(ends)].filter(Number.isFinite).sort((one, other) => one - other)
  let low = 0
  let high = returns.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (isImpossible(until(operations, returns[middle]!))) high = middle
    else low = middle + 1
  }
  const prefix = until(operations, returns[low] ?? Number.POSITIVE_INFINITY)
  return isImpossible(prefix) ? prefix : operations
}

function until(operations: readonly Operation[], atMs: number): Operation[] {
  return operations
    .filter(({ startMs }) => startMs <= atMs)
    .map((operation) =>
      operation.endMs <= atMs ? operation : { ...operation, result: 'unknown', endMs: Number.POSITIVE_INFINITY },
    )
}

function leftOut(operations: readonly Operation[], isImpossible: IsImpossible, model: AnyModel): readonly Operation[] {
  const left = operations.filter(({ call, result }) => result !== 'unknown' || model.changes(call))
  const without = (some: readonly Operation[], gone: ReadonlySet<Operation>) => some.filter((each) => !gone.has(each))
  const idle = left.filter((each) => !mayChange(model, each))
  return reduced(left, idle, without, isImpossible)
}

/**
 * Makes the history smaller by as many of `candidates` as can be: `make` all of a chunk, then of each half of what resisted, down to single
 * ones (delta debugging, Zeller 1999).
 */
function reduced(
  operations: readonly Operation[],
  candidates: readonly Operation[],
  make: (operations: readonly Operation[], chunk: ReadonlySet<Operation>) => readonly Operation[],
  isImpossible: IsImpossible,
): readonly Operation[] {
  if (candidates.length === 0) return operations
  const less = make(operations, new Set(candidates))
  if (isImpossible(less)) return less
  if (candidates.length === 1) return operations
  const half = candidates.length >> 1
  const first = reduced(operations, candidates.slice(0, half), make, isImpossible)
  return reduced(first, candidates.slice(half), make, isImpossible)
}

/** Does the answer leave open that something changed? A refused compare-and-set or booking, or a cancelling of nothing, does not. */
function mayChange(model: AnyModel, { call, result }: Operation): boolean {
  if (!model.changes(call)) return false
  return typeof result === 'string' || !('ok' in result) || result.ok
}

/** A start before every other marks what may come at any time: those are counted, not shown. */
function forgotten(
  operations: readonly Operation[],
  isImpossible: IsImpossible,
  model: AnyModel,
): readonly Operation[] {
  const forget = (some: readonly Operation[], chunk: ReadonlySet<Operation>) => {
    const vague = some.filter((each) => chunk.has(each)).map((each): Operation => ({ ...each, ...anyTime }))
    return [...vague, ...some.filter((each) => !chunk.has(each))]
  }
  const changes = operations.filter((each) => mayChange(model, each))
  return reduced(operations, changes, forget, isImpossible)
}

const anyTime = { result: 'unknown', startMs: -1, endMs: Number.POSITIVE_INFINITY } as const

/** One operation for a person. */
export function line({ client, call, result, startMs, endMs }: Operation): string {
  const { name, ...given } = call
  const told = typeof result === 'string' ? result : plain(result)
  const end = Number.isFinite(endMs) ? endMs.toFixed(3) : 'never'
  return `  ${startMs.toFixed(3)} to ${end} ms  ${client}  ${name}(${plain(given)}) -> ${told}`
}

function plain(fields: object): string {
  return Object.entries(fields)
    .map(([name, value]) => (value === undefined ? '' : `${name} ${JSON.stringify(value)}`))
    .filter(Boolean)
    .join(', ')
}
