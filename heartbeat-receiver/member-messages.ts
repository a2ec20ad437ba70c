/** The messages that tell followers of the members, each small enough to be taken. Pure. */
import type { MemberChanges } from './events.ts'
import type { Member, ToFollower } from './protocol.ts'

/**
 * A message is complete once it holds so many characters of JSON. A UTF-16 unit takes three bytes of UTF-8 at most, and what is beyond ASCII
 * in JSON's escapes is not, so that with one more member the message stays below the 64 KiB that a peer accepts.
 */
const charactersMax = 16_000

/**
 * The whole list, message by message, each to be sent as soon as it is taken. `members` is read on only then: one who is told slowly hears
 * of each member as it is at that time, and of what changes later by the changes in between.
 */
export function* wholeList(members: Iterable<Member>): Generator<ToFollower> {
  let first = true
  let part = new Part<Member>()
  for (const member of members) {
    part.add(member)
    if (!part.isFull) continue
    yield { type: 'members', first, last: false, members: part.items }
    first = false
    part = new Part()
  }
  yield { type: 'members', first, last: true, members: part.items }
}

/** What has changed, in as many messages as it takes; `members` is read on as in {@link wholeList}. */
export function* changeMessages({ members, left }: ChangesToTell): Generator<ToFollower> {
  for (const part of parts(members)) yield { type: 'members-changed', members: part, left: [] }
  for (const part of parts(left)) yield { type: 'members-changed', members: [], left: part }
}

type ChangesToTell = { readonly [key in keyof MemberChanges]: Iterable<MemberChanges[key][number]> }

function* parts<T>(items: Iterable<T>): Generator<T[]> {
  let part = new Part<T>()
  for (const item of items) {
    part.add(item)
    if (!part.isFull) continue
    yield part.items
    part = new Part()
  }
  if (part.items.length > 0) yield part.items
}

class Part<T> {
  readonly items: T[] = []
  #characters = 0

  add(item: T): void {
    this.items.push(item)
    this.#characters += JSON.stringify(item).length + 1
  }

  get isFull(): boolean {
    return this.#characters >= charactersMax
  }
}
