/** Where requests go: the target that follows from the decisions heard so far. Pure. */
import type { Decision } from '../heartbeat-receiver/protocol.ts'

/** The backend that requests are sent to. */
export interface Target {
  epoch: number
  /** Base URL. */
  url: string
  /** Null if a backend pointed here and no decision was heard yet. */
  name: string | null
  /** Null as for `name`. */
  incarnation: string | null
  exactlyOnce: boolean
}

/** A refusing backend's word: the epoch and URL that its journal shows. */
export interface Hint {
  epoch: number
  url: string
}

/**
 * What news means for requests under way.
 * - `none`: nothing new.
 * - `renewed`: the same backend, better known or under a higher epoch; what waits there keeps waiting.
 * - `moved`: another backend; what waits on the old one is sent to the new one.
 */
export type Change = { type: 'none' } | { type: 'renewed' | 'moved'; target: Target }

const none: Change = { type: 'none' }

/** A decision was heard. The highest epoch wins; under one epoch a decision beats a hint. */
export function decided(current: Target | undefined, decision: Decision): Change {
  const { epoch, url, name, incarnation, exactlyOnce } = decision
  const target = { epoch, url, name, incarnation, exactlyOnce }
  if (!current) return { type: 'moved', target }
  if (epoch < current.epoch) return none
  if (epoch === current.epoch && current.incarnation !== null) return none
  const same = url === current.url && (current.incarnation === null || incarnation === current.incarnation)
  return { type: same ? 'renewed' : 'moved', target }
}

/**
 * A backend refused and pointed elsewhere. It is followed above the epoch that is known; and under the same one, as the journal knows but one
 * claimant of an epoch, where a receiver that has lost its decisions may name another under an epoch that was told before.
 */
export function hinted(current: Target | undefined, hint: Hint): Change {
  if (!current || hint.epoch < current.epoch) return none
  if (hint.epoch === current.epoch && hint.url === current.url) return none
  if (hint.url === current.url) return { type: 'renewed', target: { ...current, epoch: hint.epoch } }
  // All backends of a shard run the same service, so what is said of one's routes holds for the other.
  const target = { epoch: hint.epoch, url: hint.url, name: null, incarnation: null, exactlyOnce: current.exactlyOnce }
  return { type: 'moved', target }
}

/** Decodes `EPOCH URL`; undefined if it is not that, or if the URL is not known (`-`). */
export function parseHint(text: string): Hint | undefined {
  const [epochText, url, ...rest] = text.split(' ')
  const epoch = Number(epochText)
  if (!url || rest.length > 0 || !Number.isSafeInteger(epoch) || epoch < 1) return undefined
  const parsed = URL.parse(url)
  if (!parsed || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) return undefined
  return { epoch, url }
}
