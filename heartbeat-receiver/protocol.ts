/**
 * The receiver's wire protocol, version 1: JSON text messages over WebSocket.
 * `/heartbeats` is for backends, `/decisions` for whoever follows the decisions (balancers, status, a dashboard).
 * Whoever talks to the receiver imports this file; nothing else defines a message.
 */
import { z } from 'zod'

/** Version of the messages below. A receiver refuses a newer one with {@link closeCodes}.versionUnsupported. */
export const protocolVersion = 1
/** Largest message either side accepts, bytes. */
export const messageBytesMax = 64 * 1024
/** Longest reason, characters. */
export const reasonLengthMax = 512
/** How long a new connection may take to say its first message, milliseconds. */
export const helloTimeoutMs = 5_000

/** Why a WebSocket is closed (RFC 6455 7.4; 3000 from the IANA registry; 4000 and above are ours). */
export const closeCodes = {
  goingAway: 1001,
  protocolError: 1002,
  malformed: 1007,
  policy: 1008,
  tooLarge: 1009,
  unauthorized: 3000,
  helloTimeout: 4408,
  nameTaken: 4409,
  versionUnsupported: 4426,
} as const

const name = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[A-Za-z0-9._:-]+$/, 'letters, digits and . _ : - only')
const incarnation = z.string().min(1).max(64)
const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER)
const reign = z.tuple([count, count])
/** No sensible address is longer; a member of a list of thousands must fit a message many times over. */
const url = z.url({ protocol: /^https?$/ }).max(2_048)
const weight = z.number().positive().max(1_000_000)

/** What a backend is doing for its shard. `standby` follows the journal and may be chosen; `starting` is not caught up yet. */
export const phases = ['starting', 'standby', 'claiming', 'active', 'settling', 'stopping'] as const
export type Phase = (typeof phases)[number]

/** The receiver's word: which incarnation serves the shard, and under which epoch. */
export const decisionSchema = z.object({
  shard: count,
  epoch: count.min(1),
  name,
  incarnation,
  /** Base URL that a balancer dials, such as `http://127.0.0.1:9001`. */
  url,
  /** True if the backend's routes are exactly once, so that a balancer may replay non-idempotent methods to it. */
  exactlyOnce: z.boolean(),
})
export type Decision = z.infer<typeof decisionSchema>

/** Backend → receiver, first message. */
export const helloSchema = z.object({
  type: z.literal('hello'),
  version: z.number().int(),
  name,
  incarnation,
  url,
  weight,
  /** True if receivers and balancers reach this URL with no proxy or NAT between: a refused connection then proves death. */
  direct: z.boolean(),
  exactlyOnce: z.boolean(),
  /** Which messages beyond those of the first version it takes (`drain`); missing from an older one, which takes none. */
  takes: z.array(z.string().max(32)).max(32).optional(),
  token: z.string().max(1024).optional(),
})
/** How far a backend is in reading what it needs: at its start, or when it fell far behind. */
const progress = z.object({
  /** Share that is read. */
  ratio: z.number().min(0).max(1),
  /** How long it will take, milliseconds, if it goes on like that; null if it does not get nearer, or that is not known. */
  remainingMs: z.number().nonnegative().nullable(),
})
export type ReadingProgress = z.infer<typeof progress>

/** Backend → receiver, every `heartbeatIntervalMs`, and at once when `phase` changes. */
export const heartbeatSchema = z.object({
  type: z.literal('heartbeat'),
  sequence: count,
  phase: z.enum(phases),
  /** Why, where the receiver's log should say so: what a check of a server found that is `starting` again. */
  reason: z.string().max(reasonLengthMax).optional(),
  /** Own reign, `[epoch, attempt]`; `[0, 0]` if it never claimed. */
  reign,
  /** The reign that the backend's journal shows as current. */
  journalReign: reign,
  /** Records of the journal applied: the next offset to read. */
  offset: count,
  /** Records known to exist beyond `offset`. */
  lag: count,
  /** Age of the oldest append whose outcome is unknown, milliseconds; 0 if none. */
  unsettledMs: z.number().nonnegative(),
  /** True if the journal answered this backend within the last few seconds. */
  journalReachable: z.boolean(),
  inFlight: count,
  eventLoopDelayMs: z.number().nonnegative(),
  /** True once it was told to drain: it is to be chosen for nothing. Missing otherwise, and from backends that do not know the word. */
  draining: z.boolean().optional(),
  /** Missing if nothing is under way, and from backends that do not know the word; receivers that do not know it skip it. */
  progress: progress.optional(),
})
/** Backend → receiver: it will not lead under this epoch, and why. */
export const refuseSchema = z.object({
  type: z.literal('refuse'),
  epoch: count,
  reason: z.string().max(reasonLengthMax),
})
/** Most lines that a goodbye quotes, and how much of each, characters. */
export const lastLinesMax = 10
export const lastLineLengthMax = 300
/**
 * Backend → receiver: it is over. In good order, unless it `crashed`: that is said by whoever watches the server (`heartline agent`), and is
 * proof of its death. A receiver that does not know the word takes it for an orderly end, and names the next all the same.
 */
export const goodbyeSchema = z.object({
  type: z.literal('goodbye'),
  reason: z.string().max(reasonLengthMax),
  crashed: z.boolean().optional(),
  /** What the server printed last, if it crashed. */
  lastLines: z.array(z.string().max(lastLineLengthMax)).max(lastLinesMax).optional(),
})
/** Backend → receiver, the answer to `yield`: it has no lease any more, and takes none under this epoch. */
export const yieldedSchema = z.object({ type: z.literal('yielded'), epoch: count.min(1) })
export const fromBackendSchema = z.discriminatedUnion('type', [
  helloSchema,
  heartbeatSchema,
  refuseSchema,
  goodbyeSchema,
  yieldedSchema,
])

/** Receiver → backend, the answer to `hello`. */
export const welcomeSchema = z.object({
  type: z.literal('welcome'),
  version: z.number().int(),
  heartbeatIntervalMs: z.number().positive(),
  epoch: count,
})
/**
 * Leave to answer reads from memory under the reign of `epoch`, for `forMs` milliseconds counted from when the heartbeat was *sent* that
 * the `ack` answers (Gray and Cheriton, "Leases", SOSP 1989). No other backend is named before it has run out.
 */
const lease = z.object({ epoch: count.min(1), forMs: z.number().positive() })
export type LeaseGrant = z.infer<typeof lease>
/**
 * Receiver → backend, the answer to each `heartbeat`, with the epoch in force for the backend's shard. Only the receiver that leads grants
 * a lease, and only to the backend that its own durable decision names.
 */
export const ackSchema = z.object({
  type: z.literal('ack'),
  sequence: count,
  epoch: count,
  lease: lease.optional(),
})
/**
 * Receiver → backend: another is about to be named in its place, as planned. It gives up its lease, says `yielded`, and goes on serving
 * until the other's claim fences it. One that does not know the word says nothing, and its lease is waited for.
 */
export const yieldSchema = z.object({ type: z.literal('yield'), epoch: count.min(1) })
/**
 * Receiver → backend that takes it: say `draining` from now on, or no longer. It goes on following the journal; one that is started anew is not
 * draining. All receivers hear it from the backend itself, so that one that leads later knows.
 */
export const drainSchema = z.object({ type: z.literal('drain'), draining: z.boolean() })
/** Receiver → backend: begin your reign. Sent to the incarnation a decision names; sent again until a heartbeat shows it was taken. */
export const leadSchema = z.object({ type: z.literal('lead'), shard: count, epoch: count.min(1), incarnation })
export const toBackendSchema = z.discriminatedUnion('type', [
  welcomeSchema,
  ackSchema,
  leadSchema,
  yieldSchema,
  drainSchema,
])

/** Follower → receiver, first message. */
export const followSchema = z.object({
  type: z.literal('follow'),
  version: z.number().int(),
  /** `receiver`: a peer that would decide in this one's place. */
  role: z.enum(['balancer', 'observer', 'receiver']),
  name,
  /** The highest epoch it has seen anywhere. */
  epoch: count,
  token: z.string().max(1024).optional(),
})
/** Follower → receiver: a *new* connection to the backend was refused or timed out (a reset of an old one proves nothing). */
export const reportSchema = z.object({
  type: z.literal('report'),
  incarnation,
  epoch: count,
  kind: z.enum(['refused', 'timed-out']),
})
/** Follower → receiver: the highest epoch seen, when it came from elsewhere than this receiver. */
export const seenSchema = z.object({ type: z.literal('seen'), epoch: count })
/** Follower → receiver: name another active, as planned: `to`, or whoever is next in order. Answered by `handed-over`. */
export const handOverSchema = z.object({ type: z.literal('hand-over'), shard: count, to: name.optional() })
const rate = z.number().nonnegative().max(1_000_000_000)
/**
 * Balancer → receiver, every {@link figuresIntervalMs}: its traffic since the last, for the board. Only to a receiver that says it takes
 * `figures`, as an older one closes the connection upon a word that it does not know.
 */
export const figuresSchema = z.object({
  type: z.literal('figures'),
  requestsPerSecond: rate,
  /** Of these, those answered with 5xx. */
  errorsPerSecond: rate,
  p50Ms: rate,
  p99Ms: rate,
  /** The most requests that were held at a time since the figures before. */
  held: count,
  replaysPerSecond: rate,
})
export const figuresIntervalMs = 500
/** Balancer → receiver, at once: the first good answer of an epoch that it did not serve before goes to a client. As `figures`. */
export const firstAnswerSchema = z.object({
  type: z.literal('first-answer'),
  shard: count,
  epoch: count.min(1),
  /** Unix milliseconds. */
  atMs: z.number().nonnegative(),
  /** Requests that waited for this answer: held, or sent to the backend before it could answer. Workers of one balancer each tell theirs. */
  held: count,
})
export const fromFollowerSchema = z.discriminatedUnion('type', [
  followSchema,
  reportSchema,
  seenSchema,
  handOverSchema,
  figuresSchema,
  firstAnswerSchema,
])

/** Receiver → follower: all decisions in force; the answer to `follow`, and every few seconds so that silence means trouble. */
export const decisionsSchema = z.object({
  type: z.literal('decisions'),
  decisions: z.array(decisionSchema),
  /** True if this receiver decides; missing from one that knows no others. */
  leads: z.boolean().optional(),
  /** The incarnation of this receiver. */
  incarnation: incarnation.optional(),
  /** Its name; missing from an older version. */
  name: name.optional(),
  /** Which messages beyond those of the first version it takes; missing from an older one, which takes none. */
  takes: z.array(z.string().max(32)).max(32).optional(),
  /** How often this message comes when nothing happens, milliseconds. */
  intervalMs: z.number().positive(),
})
/** Why a planned handover was not done. */
export const handoverFailures = [
  'not-leading',
  'no-active',
  'no-successor',
  'unknown-name',
  'not-ready',
  'timed-out',
] as const
/** Receiver → follower, the answer to `hand-over`, once the new active is ready, or will not be. */
export const handedOverSchema = z.object({
  type: z.literal('handed-over'),
  shard: count,
  /** Who led before and who leads now; null if that is nobody. */
  from: name.nullable(),
  to: name.nullable(),
  epoch: count,
  /** From the request to the new active being ready, milliseconds. */
  tookMs: z.number().nonnegative(),
  /** Missing if it was done. */
  failure: z.enum(handoverFailures).optional(),
  /** What is wrong, and what would be right, for a person. */
  reason: z.string().max(reasonLengthMax).optional(),
})
/** What came of `POST /api/drain`. */
export interface Drained {
  readonly name: string
  /** What was asked for. */
  readonly draining: boolean
  /** Missing if it was done. */
  readonly failure?: (typeof handoverFailures)[number]
  /** What is wrong, and what would be right, for a person. */
  readonly reason?: string
}
export type HandedOver = Omit<z.infer<typeof handedOverSchema>, 'type'>
/** Receiver → follower: a new decision. It is said before it is durable: whoever is named is fenced by the journal if it is not. */
export const decidedSchema = z.object({ type: z.literal('decided'), decision: decisionSchema })

/** A backend that requests may be sent to: alive, heard, and neither starting nor stopping. */
export const memberSchema = z.object({
  name,
  incarnation,
  url,
  weight,
  exactlyOnce: z.boolean(),
  phase: z.enum(phases),
  /** Records of the journal that it has yet to apply. Told at most once a second. */
  lag: count,
})
export type Member = z.infer<typeof memberSchema>
/** Most members that a follower keeps of one receiver. As many as a receiver knows names. */
export const membersMax = 20_000
/**
 * Receiver → follower: part of the list of all members, sent after `follow`. From the part that is `first` to the one that is `last` they make
 * a whole list, which replaces the one before. A `members-changed` in between counts for the list under way too. A receiver that has
 * just started sends changes only until its backends had the time to join it: what the follower knew before stays until then.
 */
export const membersSchema = z.object({
  type: z.literal('members'),
  first: z.boolean(),
  last: z.boolean(),
  members: z.array(memberSchema),
})
/** Receiver → follower: these have joined or changed, and those are no members any more. */
export const membersChangedSchema = z.object({
  type: z.literal('members-changed'),
  members: z.array(memberSchema),
  left: z.array(name),
})
export const toFollowerSchema = z.discriminatedUnion('type', [
  decisionsSchema,
  decidedSchema,
  membersSchema,
  membersChangedSchema,
  handedOverSchema,
])

export type Hello = z.infer<typeof helloSchema>
export type Heartbeat = z.infer<typeof heartbeatSchema>
export type Refuse = z.infer<typeof refuseSchema>
export type Goodbye = z.infer<typeof goodbyeSchema>
export type Yielded = z.infer<typeof yieldedSchema>
export type FromBackend = z.infer<typeof fromBackendSchema>
export type ToBackend = z.infer<typeof toBackendSchema>
export type Follow = z.infer<typeof followSchema>
export type Report = z.infer<typeof reportSchema>
export type HandOver = z.infer<typeof handOverSchema>
export type Figures = Omit<z.infer<typeof figuresSchema>, 'type'>
export type FirstAnswer = Omit<z.infer<typeof firstAnswerSchema>, 'type'>
export type FromFollower = z.infer<typeof fromFollowerSchema>
export type ToFollower = z.infer<typeof toFollowerSchema>

/**
 * Server-sent events of `GET /api/events`: `event:` is the type, `data:` the JSON. Times are Unix milliseconds with fractions.
 * A failover reads as: `suspected` (detected) → `decided` → `ready`.
 */
export type ReceiverEvent =
  | { type: 'joined'; atMs: number; name: string; incarnation: string; url: string }
  | { type: 'left'; atMs: number; name: string; incarnation: string; reason: string; crashed: boolean }
  | { type: 'suspected'; atMs: number; name: string; incarnation: string; reason: string }
  | {
      type: 'decided'
      atMs: number
      decision: Decision
      previous: string | null
      reason: string
      detectedAtMs: number
      /** True of a handover that somebody asked for; else missing. */
      planned?: boolean
      /** When another receiver decided it, by that one's clock; missing if this one did, or the other does not say. */
      decidedAtMs?: number
    }
  | { type: 'ready'; atMs: number; name: string; incarnation: string; epoch: number }
  | { type: 'fenced'; atMs: number; name: string; incarnation: string; epoch: number }

/** One row of `GET /api/backends`. */
export interface BackendView {
  name: string
  incarnation: string
  url: string
  weight: number
  phase: Phase
  alive: boolean
  active: boolean
  reign: [number, number]
  offset: number
  lag: number
  inFlight: number
  eventLoopDelayMs: number
  /** Milliseconds since its last message. */
  silentMs: number
  /** φ of the accrual detector: 1 is a 10 % chance that the silence is chance, 8 is 10⁻⁸. */
  suspicion: number
  /** Unix milliseconds since when it is active; null if it is not. */
  activeSinceMs: number | null
  /** True if it is to be chosen for nothing; missing from an older receiver. */
  draining?: boolean
  /** How far its start or its catch-up is; null if none is under way, or it does not say. */
  progress: ReadingProgress | null
}
