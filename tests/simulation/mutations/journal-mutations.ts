/** Rules of the journal: who may append, what counts, and when it may be answered. */
import type { Mutation } from './mutation.ts'

const replica = 'checkpoint/replica.ts'
const randomWorlds = { by: 'random worlds' } as const

export const journalMutations: readonly Mutation[] = [
  {
    name: 'no offset check',
    rule: 'an append is acknowledged at once only if its offset is the next one after the last record known valid',
    edits: [{ file: replica, find: 'offset === expected', replace: 'offset >= expected' }],
    trial: randomWorlds,
  },
  {
    name: 'a false offset is believed',
    rule: 'an answer with an offset that cannot be is false: settle',
    edits: [
      {
        file: replica,
        find: 'if (offset < expected) {\n      this.#settle(',
        replace:
          'if (offset < expected) {\n      this.#foldOne(sent.entry, sent.value, nowMs)\n    } else if (offset < 0) {\n      this.#settle(',
      },
    ],
    trial: randomWorlds,
  },
  {
    name: 'a blind retry under the same reign',
    rule: 'an append whose outcome is unknown is settled by a claim of the next attempt, never sent again',
    edits: [
      {
        file: replica,
        find: 'const sent = this.#inFlight!\n',
        replace:
          'const sent = this.#inFlight!\n    if (sent.group && ++this.#failures < 5) return this.#append(sent.entry, sent.value, sent, nowMs)\n',
      },
    ],
    trial: randomWorlds,
  },
  {
    name: 'the same attempt claimed again',
    rule: 'each claim that settles has a new attempt',
    edits: [
      {
        file: replica,
        find: '[epoch, this.#reign[1] + 1]',
        replace: '[epoch, Math.max(1, this.#reign[1])]',
      },
    ],
    trial: { by: 'scenario', name: 'appends that land long after they were given up' },
  },
  {
    name: 'a claimant left out of validity',
    rule: "a commit is valid if its reign and its incarnation are the current one's",
    edits: [
      { file: 'checkpoint/fold.ts', find: 'if (commit.incarnation !== incarnation)', replace: 'if (false)' },
      {
        file: replica,
        find: "if (own && entry.type === 'claim' && this.#isInFlight(entry)) this.#stepDown(",
        replace:
          "if (own && entry.type === 'claim' && compareReigns(this.#fold.state.reign, entry.reign) === 0) this.#reignBegins(entry, nowMs)\n      else if (own && entry.type === 'claim' && this.#isInFlight(entry)) this.#stepDown(",
      },
    ],
    trial: { by: 'scenario', name: 'two named under one epoch' },
  },
  {
    name: 'a void commit counts for its author',
    rule: 'validity of a commit comes from the fold alone: a durable one may be void',
    edits: [
      {
        file: replica,
        find: 'if (!verdict.valid) {',
        replace: "if (!verdict.valid && (entry.type === 'claim' || !own)) {",
      },
    ],
    trial: { by: 'scenario', name: 'fenced with changes under way' },
  },
  {
    name: 'no recorded response',
    rule: 'the same number of a session, or the same key, gets the recorded response',
    edits: [
      {
        file: 'checkpoint/submission.ts',
        find: 'const known = recorded<R>(store, identity)',
        replace: 'const known = null',
      },
    ],
    trial: randomWorlds,
  },
  {
    name: 'a refusal that nobody looked before',
    rule: 'who is turned away before anybody looked whether it is known is not told that it was not applied, if it may have been sent before',
    edits: [{ file: 'checkpoint/route.ts', find: 'before && isUnseen(error)', replace: 'false && isUnseen(error)' }],
    trial: { by: 'test', file: 'checkpoint/route.test.ts' },
  },
  {
    name: 'speculation kept after a foreign record',
    rule: 'speculative state survives only if no valid foreign record lies between',
    edits: [
      {
        file: replica,
        find: "this.#dropSpeculation('reject')\n    if (outbids) {",
        replace: 'if (outbids) {',
      },
    ],
    trial: { by: 'scenario', name: 'named again over another' },
  },
  {
    name: 'answers before their commit',
    rule: 'a transaction is answered when its commit is durable and known valid',
    edits: [
      {
        file: replica,
        find: 'this.#queue.push(ticket)\n',
        replace: "this.#queue.push(ticket)\n    this.#effects.push({ type: 'answer', tickets: [ticket], tookMs: 0 })\n",
      },
    ],
    trial: randomWorlds,
  },
  {
    name: 'a read answered from memory without proof',
    rule: 'a read waits for all it saw, and for proof that the reign still holds',
    edits: [
      {
        file: replica,
        find: "if (!this.leased(now)) return 'barrier'",
        replace: "if (!this.leased(now)) return 'at-once'",
      },
    ],
    trial: randomWorlds,
  },
  {
    name: 'a barrier shared with an append already sent',
    rule: 'a barrier is a commit appended after the read arrived',
    edits: [
      {
        file: replica,
        find: "if (!this.leased(now)) return 'barrier'",
        replace:
          "if (!this.leased(now)) return this.#queue.length === 0 && this.#inFlight?.group ? 'rides' : 'barrier'",
      },
    ],
    trial: { by: 'scenario', name: 'handovers in a slow network' },
  },
  {
    name: 'what a fenced writer had not acknowledged stays in its maps',
    rule: 'fenced: it drops its in-memory state and rebuilds from the journal',
    edits: [
      {
        file: replica,
        find: 'if (undo) this.#options.store.undo(undo)',
        replace: 'if (undo) void undo',
      },
    ],
    trial: { by: 'scenario', name: 'fenced with changes under way' },
  },
  {
    name: 'digest unchecked',
    rule: 'a reader whose running digest differs from a valid record stops and says so',
    edits: [{ file: 'checkpoint/fold.ts', find: 'if (verdict.valid) this.#checkDigest(entry)', replace: '' }],
    trial: { by: 'test', file: 'checkpoint/fold.test.ts' },
  },
  {
    name: 'unknown record skipped',
    rule: 'a record of unknown type or version stops the reader with its offset',
    edits: [
      {
        file: 'checkpoint/record.ts',
        find: 'throw unreadable(offset, `has version',
        replace:
          "return { type: 'claim', version: 0, reign: [0, 0], incarnation: '-', node: '', url: '', at: 0, through: 0, digest: '' } as never\n    throw unreadable(offset, `has version",
      },
    ],
    trial: { by: 'test', file: 'checkpoint/record.test.ts' },
  },
  {
    name: 'a session that is done with is run again',
    rule: 'a request of an ended session, or a number that its balancer is done with, is refused, never run again',
    edits: [
      {
        file: 'checkpoint/remembered.ts',
        find: 'if (!found || number < found.lowestWaiting)',
        replace: 'if (!found)',
      },
    ],
    trial: { by: 'test', file: 'checkpoint/remembered.test.ts' },
  },
]

const snapshotWorlds = { by: 'scenario', name: 'joining cold from snapshots' } as const

export const snapshotMutations: readonly Mutation[] = [
  {
    name: "a snapshot's fold state taken at its end",
    rule: "a manifest holds the fold's state at the start of its copy",
    edits: [
      {
        file: 'checkpoint/snapshot-taking.ts',
        find: '      start,\n      recordBefore,\n',
        replace: '      start: foldState(),\n      recordBefore: checksum(lastValue()!),\n',
      },
    ],
    trial: snapshotWorlds,
  },
  {
    name: "ready before a snapshot's end",
    rule: 'a restored state is none before the end of its copy is read',
    edits: [
      {
        file: 'checkpoint/journal-reader.ts',
        find: 'if (this.#restoring || this.#options.offset() < this.#end) return',
        replace: 'if (this.#restoring) return',
      },
    ],
    trial: snapshotWorlds,
  },
  {
    name: 'a copy goes on when its process is told to lead',
    rule: '`lead` abandons a copy in progress: speculative values must not enter it',
    edits: [
      {
        file: 'checkpoint/snapshots.ts',
        find: 'this.#taking?.abort(new Error(reason))',
        replace: 'void reason',
      },
      {
        file: 'checkpoint/snapshot-taking.ts',
        find: '    await settled()\n',
        replace: '',
      },
    ],
    trial: { by: 'scenario', name: 'named in the middle of a copy' },
  },
  {
    name: "the journal truncated to the newest snapshot's end",
    rule: 'the journal is truncated to the start of the second-highest sound snapshot',
    edits: [
      {
        file: 'checkpoint/snapshot-policy.ts',
        find: 'truncateBefore: second.start.offset',
        replace: 'truncateBefore: all[0]!.end',
      },
    ],
    trial: snapshotWorlds,
  },
]
