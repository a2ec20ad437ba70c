/** What `POST /add` and `DELETE /rm` ask for: all of it, or one line that says why nothing of it. Pure. */
import type { Registration } from '../membership.ts'
import { parseRegistration } from '../registration.ts'
import { isSpawnable, madeUpNames, replicasMax } from './replica-names.ts'

/** What there is before the change. */
export interface Present {
  /** Names of all backends: members, and those spawned that are no members yet. */
  readonly names: readonly string[]
  /** Of these, those that the balancer spawned, oldest first. */
  readonly spawned: readonly string[]
  /** Backends that the receivers tell of and that were taken out by hand: they can be put back by name. */
  readonly removed: readonly string[]
  /** True if an added backend is spawned; else it runs already and is registered under its address. */
  readonly spawns: boolean
}

export interface Additions {
  readonly spawn: readonly string[]
  readonly register: readonly Registration[]
  readonly restore: readonly string[]
}

export type Decided<T> = { ok: true; change: T } | { ok: false; message: string }

/** What to add for a body `{n, names}` or `{n, hostnames}`. Missing names are made up. */
export function additionsOf(body: unknown, present: Present): Decided<Additions> {
  const asked = askedFor(body)
  if (!asked.ok) return asked
  const { n, names } = asked.change
  if (names.length > n) return refused('Length of hostname list is more than newly added instances')
  if (present.names.length + n > replicasMax) return refused(`There can be ${replicasMax} replicas at most`)
  return present.spawns ? spawned(n, names, present) : registered(n, names, present)
}

/** Whom to remove for a body `{n, names}` or `{n, hostnames}`. Missing names are chosen: those spawned last first. */
export function removalsOf(body: unknown, present: Present): Decided<readonly string[]> {
  const asked = askedFor(body)
  if (!asked.ok) return asked
  const { n, names } = asked.change
  if (names.length > n) return refused('Length of hostname list is more than removable instances')
  if (n > present.names.length) return refused(`Only ${present.names.length} replicas are there to remove`)
  // A backend that was registered by its URL is called host:port.
  const known = names.map((name) => (present.names.includes(name) ? name : (parseRegistration(name)?.name ?? name)))
  const unknown = known.find((name) => !present.names.includes(name))
  if (unknown !== undefined) return refused(`There is no replica ${shown(unknown)}`)
  const twice = repeated(known)
  if (twice !== undefined) return refused(`${shown(twice)} is named twice`)
  const others = present.names.filter((name) => !present.spawned.includes(name))
  const order = [...present.spawned.toReversed(), ...others.toReversed()].filter((name) => !known.includes(name))
  return { ok: true, change: [...known, ...order.slice(0, n - known.length)] }
}

function spawned(n: number, names: readonly string[], present: Present): Decided<Additions> {
  const bad = names.find((name) => !isSpawnable(name))
  if (bad !== undefined) return refused(`${shown(bad)} is no name: letters, digits and . _ - only, 63 at most`)
  const clash = duplicate(names, present.names)
  if (clash !== undefined) return refused(clash)
  const made = madeUpNames(n - names.length, new Set([...present.names, ...names]))
  return { ok: true, change: { spawn: [...names, ...made], register: [], restore: [] } }
}

function registered(n: number, names: readonly string[], present: Present): Decided<Additions> {
  if (names.length < n) return refused('Without --spawn no backend can be started: give an address for each')
  const restore = names.filter((name) => present.removed.includes(name))
  const places = names
    .filter((name) => !present.removed.includes(name))
    .map((text) => ({ text, place: parseRegistration(text) }))
  const bad = places.find(({ text, place }) => !place && !present.names.includes(text))
  if (bad) return refused(`${shown(bad.text)} is no address: without --spawn expected host:port or http://host:port`)
  const clash = duplicate([...restore, ...places.map(({ text, place }) => place?.name ?? text)], present.names)
  if (clash !== undefined) return refused(clash)
  return { ok: true, change: { spawn: [], register: places.flatMap(({ place }) => place ?? []), restore } }
}

function askedFor(body: unknown): Decided<{ n: number; names: readonly string[] }> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return refused('Expected a JSON object {n, names}')
  const { n, names, hostnames } = body as { n?: unknown; names?: unknown; hostnames?: unknown }
  if (typeof n !== 'number' || !Number.isSafeInteger(n) || n < 1) return refused('n must be a positive whole number')
  if (names !== undefined && hostnames !== undefined) return refused('Give names or hostnames, not both')
  const given = names ?? hostnames ?? []
  if (!Array.isArray(given) || !given.every((name) => typeof name === 'string'))
    return refused('names must be a list of texts')
  return { ok: true, change: { n, names: given } }
}

function duplicate(names: readonly string[], present: readonly string[]): string | undefined {
  const twice = repeated(names)
  if (twice !== undefined) return `${shown(twice)} is named twice`
  const there = names.find((name) => present.includes(name))
  return there === undefined ? undefined : `${shown(there)} is there already`
}

function repeated(names: readonly string[]): string | undefined {
  return names.find((name, index) => names.indexOf(name) !== index)
}

/** What somebody sent, in one short line. */
function shown(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name)
}

function refused(reason: string): { ok: false; message: string } {
  return { ok: false, message: `<Error> ${reason}` }
}
