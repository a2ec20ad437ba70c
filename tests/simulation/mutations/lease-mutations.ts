/** Rules of leases and authority: who may read from memory, and who may decide. */
import type { Mutation } from './mutation.ts'

const lease = 'checkpoint/lease.ts'
const replica = 'checkpoint/replica.ts'
const receiver = 'heartbeat-receiver/receiver.ts'

/** The holder's side. */
export const leaseMutations: readonly Mutation[] = [
  {
    name: 'a lease of another reign',
    rule: "a lease counts only if its epoch is that of the backend's own reign",
    edits: [{ file: lease, find: 'grant.epoch !== epoch || ', replace: '' }],
    trial: { by: 'scenario', name: 'three reigns within one lease' },
  },
  {
    name: 'a lease counted from the arrival of its grant',
    rule: 'a lease is counted from when the heartbeat was sent that it answers',
    edits: [
      {
        file: 'backend/heartbeat-client.ts',
        find: 'onLease?.({ ...lease, sentAt })',
        replace: 'onLease?.({ ...lease, sentAt: { monotonicMs: this.#ports.now(), wallMs: this.#wall() } })',
      },
    ],
    trial: { by: 'scenario', name: 'grants that come late' },
  },
  {
    name: 'a lease before the own claim was read',
    rule: 'a lease counts only for a reign whose own claim was read as valid, and in the phase `active`',
    edits: [
      {
        file: replica,
        find: "return this.#phase === 'active' && this.lease.holds(",
        replace: "return (this.#phase === 'active' || this.#phase === 'settling') && this.lease.holds(",
      },
    ],
    trial: { by: 'scenario', name: 'the active dies with appends in doubt' },
  },
  {
    name: 'a lease read that does not wait for the commits it saw',
    rule: 'a lease read waits for the commits that it saw',
    edits: [
      {
        file: replica,
        find: "return this.#queueBytes > 0 || this.#inFlight?.changes ? 'rides' : 'at-once'",
        replace: "return 'at-once'",
      },
    ],
    trial: { by: 'scenario', name: 'the active dies with appends in doubt' },
  },
  {
    name: 'a lease ended by a timer',
    rule: 'a lease is compared with the clock at each read, never ended by a timer',
    edits: [
      { file: lease, find: '  #epochMin = 0\n', replace: '  #epochMin = 0\n  ended: LeaseGrant | null = null\n' },
      {
        file: lease,
        find: 'return elapsedMs(grant.sentAt, now) < countedByHolderMs(grant.forMs)',
        replace: 'return this.ended !== grant',
      },
      {
        file: 'checkpoint/checkpoint.ts',
        find: 'this.#replica.lease.grant(grant)\n',
        replace:
          'this.#replica.lease.grant(grant)\n    this.#time.after(Math.max(0, grant.sentAt.monotonicMs + grant.forMs * 0.99 - 1 - this.#time.now()), () => {\n      this.#replica.lease.ended = grant\n    })\n',
      },
    ],
    trial: { by: 'scenario', name: 'the active sleeps with its machine' },
  },
  {
    name: 'wall clock ignored in suspend',
    rule: 'elapsed time is the larger of what the monotonic and the wall clock say',
    edits: [
      {
        file: 'checkpoint/staleness.ts',
        find: 'to.monotonicMs - from.monotonicMs, to.wallMs - from.wallMs)',
        replace: 'to.monotonicMs - from.monotonicMs)',
      },
    ],
    trial: { by: 'scenario', name: 'the active sleeps with its machine' },
  },
  {
    name: 'a higher epoch in a request does not end the lease',
    rule: 'a request that names a higher epoch ends the lease for good',
    edits: [{ file: lease, find: 'this.#epochMin = Math.max(this.#epochMin, epoch)', replace: 'void epoch' }],
    trial: { by: 'test', file: 'checkpoint/lease.test.ts' },
  },
]

/** The granter's side, and its own authority. */
export const authorityMutations: readonly Mutation[] = [
  {
    name: 'no lease wait',
    rule: "a new active is named only when every other incarnation's lease has run out, unless its holder is proven dead",
    edits: [
      { file: receiver, find: 'if (nowMs < this.#leases.freeAtMs(chosen.hello.incarnation)) return', replace: '' },
    ],
    trial: { by: 'scenario', name: 'handovers with a deaf active' },
  },
  {
    name: 'a closed connection taken for a death',
    rule: 'a close is evidence; proof of death is only a fresh connection refused',
    edits: [
      {
        file: 'heartbeat-receiver/roster.ts',
        find: "this.suspect(backend, 'closed', 'its connection was closed', nowMs)",
        replace: "this.#gone(backend, { reason: 'its connection was closed', crashed: true, proven: true }, nowMs)",
      },
    ],
    trial: { by: 'scenario', name: "the active's heartbeats are reset" },
  },
  {
    name: 'authority ignored',
    rule: 'a receiver decides and grants only while its authority holds',
    edits: [
      {
        file: receiver,
        find: 'return this.#leadership !== null && nowMs < this.#leadership.authorityUntilMs',
        replace: 'return this.#leadership !== null',
      },
    ],
    trial: { by: 'scenario', name: 'the leading receiver sleeps' },
  },
  {
    name: 'grants before durability',
    rule: 'a receiver grants only under a decision that is durable',
    edits: [{ file: receiver, find: '!own || !durable || !takesLeases', replace: '!own || !takesLeases' }],
    trial: { by: 'scenario', name: 'the leading receiver loses its journal, and its active' },
  },
  {
    name: 'no re-naming after takeover',
    rule: 'a new leadership names the active that it found anew, under a higher epoch, before it grants',
    edits: [
      {
        file: 'heartbeat-receiver/verdict.ts',
        find: 'if (inForce.own && inForce.takesLeases) return null',
        replace: 'if (inForce.takesLeases) return null',
      },
      { file: receiver, find: '!own || !durable || !takesLeases', replace: '!durable || !takesLeases' },
    ],
    trial: { by: 'scenario', name: 'the leading receiver loses its journal, and names another' },
  },
  {
    name: 'early naming twice ahead of the journal',
    rule: 'at most one decision is ever ahead of the journal',
    edits: [
      {
        file: receiver,
        find: 'if (!this.#mayDecide(nowMs) || this.#book.busy) return',
        replace: 'if (!this.#mayDecide(nowMs)) return',
      },
      {
        file: 'heartbeat-receiver/decision-book.ts',
        find: 'inForce?.own === true && inForce.durable && epoch',
        replace: 'inForce?.own === true && epoch',
      },
    ],
    trial: { by: 'test', file: 'heartbeat-receiver/receiver-journal.test.ts' },
  },
  {
    name: 'epoch not above what backends report',
    rule: 'an epoch is higher than every epoch decided and every reign reported',
    edits: [
      {
        file: 'heartbeat-receiver/decision-book.ts',
        find: 'Math.max(this.#epochSeen, this.#epochTold) + 1',
        replace: '(this.#inForce?.decision.epoch ?? 0) + 1',
      },
    ],
    trial: { by: 'scenario', name: "the receivers' journal is lost" },
  },
  {
    name: 'leases of a predecessor forgotten',
    rule: 'a receiver that has just begun to lead assumes that the active it found holds a lease',
    edits: [
      {
        file: receiver,
        find: 'leasesUntilMs === undefined ? null : {',
        replace: 'nowMs > 0 ? null : {',
      },
    ],
    trial: { by: 'scenario', name: 'the leading receiver dies with the active cut off' },
  },
  {
    name: 'leases of a predecessor taken for as long as the own ones',
    rule: 'a receiver waits for the leases of another for as long as that one granted them',
    edits: [
      {
        file: 'heartbeat-receiver/lease-ledger.ts',
        find: 'Math.min(newest?.leaseMs ?? 0, leaseMsAt(heartbeatMsMax))',
        replace: '0',
      },
    ],
    trial: { by: 'scenario', name: 'receivers with different heartbeats' },
  },
  {
    name: "claim before the incumbent's authority ran out",
    rule: "another receiver decides and grants only after the incumbent's authority may have run out",
    edits: [
      {
        file: 'heartbeat-receiver/leadership.ts',
        find: 'if (quietMs < authorityMs + this.#jitterMs) return null',
        replace: 'if (quietMs < 20) return null',
      },
      {
        file: 'heartbeat-receiver/leadership.ts',
        find: ' || now.monotonicMs < state.authorityFromMs) return null',
        replace: ') return null',
      },
      {
        file: 'heartbeat-receiver/leadership.ts',
        find: 'const endMs = rival.readAtMs + authorityMs',
        replace: 'const endMs = rival.readAtMs',
      },
    ],
    trial: { by: 'scenario', name: 'the leading receiver goes blind' },
  },
  {
    name: 'grants go on to an active that is to be replaced',
    rule: 'grants stop at suspicion, before the decision',
    edits: [
      {
        file: receiver,
        find: 'if (!judge(inForce, backend, this.#book.epochSeen, nowMs).stays) return undefined',
        replace: '',
      },
    ],
    trial: { by: 'scenario', name: 'the active deposed in good health' },
  },
  {
    name: 'a lease kept after yielding',
    rule: 'a backend that yielded has dropped its lease, and takes none again for that reign',
    edits: [
      {
        file: 'backend/backend-node.ts',
        find: 'onYield: (epoch) => this.checkpoint.dropLease(epoch),',
        replace: 'onYield: () => undefined,',
      },
    ],
    trial: { by: 'scenario', name: 'handovers in a slow network' },
  },
]
