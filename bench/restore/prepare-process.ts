/**
 * Writes what is restored: keys, a snapshot of them, and a tail of commits with one transaction each. All of it by the code that any backend runs.
 * Arguments: brokers, journal topic, keys, commits. Sends a {@link Prepared} and waits to be ended.
 */
import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { createCheckpoint, journalPorts } from '../../checkpoint/index.ts'
import { complete, decodeGenerations } from '../../checkpoint/snapshot-manifest.ts'
import {
  type FilledRegister,
  filledKey,
  filledMap,
  filledRegister,
  fillState,
} from '../../compose/filling/filled-state.ts'
import { mustHold } from '../errors.ts'
import { type StateSum, sumOf } from './state-sum.ts'

export interface Prepared {
  /** Offsets of the snapshot's chunks, in their partition. */
  readonly chunks: readonly number[]
  readonly chunkBytes: number
  /** The journal is read from here. */
  readonly tailStart: number
  readonly state: StateSum
}

/** Larger than any tail here: the only snapshot is the one that is asked for. */
const neverBytes = Number.MAX_SAFE_INTEGER
const leadTimeoutMs = 30_000
/** So many keys are changed between two that follow each other in the tail: changes are all over the state. */
const stride = 7_919

const [brokers, topic, ...counts] = process.argv.slice(2) as [string, string, string, string]
const [keys, commits] = counts.map(Number) as [number, number]
const node = 'bench-prepare'
const log = pino({ level: 'warn' }, pino.destination({ fd: 2, sync: true }))
const ports = journalPorts({ kafka: brokers.split(','), topic, clientId: node, log })
const checkpoint = createCheckpoint({
  ...ports,
  incarnation: randomUUID(),
  node,
  log,
  limits: { snapshotTailBytes: neverBytes },
})
const registers = checkpoint.map<FilledRegister>(filledMap)

process.on('disconnect', () => process.exit())
await checkpoint.start()
checkpoint.lead(checkpoint.status().journalReign[0] + 1)
if (!(await checkpoint.whenLeading(leadTimeoutMs))) throw new Error('the preparing process does not lead')
await fillState(checkpoint, keys)
await checkpoint.takeSnapshot()
for (let commit = 0; commit < commits; commit++) {
  const key = filledKey((commit * stride) % keys)
  const { value } = filledRegister(commit)
  await checkpoint.transact(() => registers.set(key, { value, version: 2 }))
}
const [manifest, ...others] = complete(decodeGenerations(await ports.snapshots.manifests()))
mustHold(manifest !== undefined && others.length === 0, `there are ${others.length + 1} snapshots, not one`)
const state = checkpoint.stale(() => sumOf(registers.entries()))
await checkpoint.close()
process.send?.({
  chunks: manifest.chunks.map(([, , location]) => location),
  chunkBytes: manifest.bytes,
  tailStart: manifest.start.offset,
  state,
} satisfies Prepared)
