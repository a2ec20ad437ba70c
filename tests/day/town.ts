/** The servers of a day, and what can happen to them. */
import type { Random } from '../../compose/load/random.ts'
import type { Mix } from './requests.ts'

export interface Town<Kind extends string = string> {
  /** Where clients send. */
  readonly url: string
  readonly mix: Mix
  readonly kinds: readonly Kind[]
  /** How many of them may happen at once. */
  readonly atOnce: number
  /** Makes it happen, to whom it may; resolves with what was done and how to make it good. The latter resolves when all is well again. */
  happen(kind: Kind, random: Random): Promise<{ readonly what: string; readonly makeGood: () => Promise<void> }>
  /** Checks the state after a day in which so many POSTs to the counter were answered; resolves with what is wrong, or null. */
  audit(counted: number): Promise<string | null>
  stop(): Promise<void>
}

/** Asks the admin port for a change. @throws Error with what it answers, unless it did as it was told. */
export async function administer(
  adminUrl: string,
  method: 'PUT' | 'POST' | 'DELETE',
  path: string,
  body: object,
): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${adminUrl}${path}`, { method, headers, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${method} ${path} ${JSON.stringify(body)}: ${answer.status} ${await answer.text()}`)
  await answer.arrayBuffer()
}

/** Who is a member. */
export async function members(adminUrl: string): Promise<string[]> {
  const answer = (await (await fetch(`${adminUrl}/rep`)).json()) as { message: { replicas: string[] } }
  return answer.message.replicas
}
