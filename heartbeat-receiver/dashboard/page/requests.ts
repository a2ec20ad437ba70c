/** What the page asks of the receiver: a session, a handover, a drain, a kill. */
import type { HandedOver } from '../../protocol.ts'
import { spanText } from './words.ts'

export type Action =
  /** To `to`, or to whoever is next. */
  | { readonly kind: 'hand over'; readonly from: string | null; readonly to: string | null }
  | { readonly kind: 'drain' | 'undrain' | 'kill'; readonly name: string }

export interface Outcome {
  readonly done: boolean
  readonly text: string
}

/** Does it, and says how it went in a sentence. Never rejects. */
export async function perform(action: Action): Promise<Outcome> {
  try {
    return await ask(action)
  } catch {
    return { done: false, text: 'The receiver does not answer.' }
  }
}

async function ask(action: Action): Promise<Outcome> {
  if (action.kind === 'hand over') {
    const response = await post('/api/handover', action.to === null ? {} : { to: action.to })
    if (!response.ok) return refusal('Not handed over', response)
    const { from, to, tookMs } = (await response.json()) as HandedOver
    return { done: true, text: `${from ?? 'Nobody'} handed over to ${to} in ${spanText(tookMs)}.` }
  }
  const { kind, name } = action
  if (kind === 'kill') {
    const response = await post('/api/kill', { name })
    return response.ok ? { done: true, text: `${name} was killed.` } : refusal(`${name} was not killed`, response)
  }
  const response = await post('/api/drain', { name, draining: kind === 'drain' })
  if (!response.ok) return refusal(`${name} was not ${kind}ed`, response)
  return { done: true, text: kind === 'drain' ? `${name} is drained.` : `${name} may lead again.` }
}

/** True if the token was right. */
export async function giveToken(token: string): Promise<boolean> {
  return (await post('/api/session', { token })).ok
}

function post(path: string, body: object): Promise<Response> {
  return fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
}

async function refusal(what: string, response: Response): Promise<Outcome> {
  const problem: { title?: string; detail?: string; reason?: string } = await response.json().catch(() => ({}))
  const why = problem.detail ?? problem.reason ?? problem.title ?? `status ${response.status}`
  return { done: false, text: `${what}: ${why}` }
}
