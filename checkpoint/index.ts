/** The checkpoint library: state in named maps, journaled before any answer leaves, picked up by a standby exactly where the active stopped. */
import { Checkpoint, type CheckpointOptions } from './checkpoint.ts'

/** Makes a checkpoint; nothing is opened before its `start`. */
export function createCheckpoint(options: CheckpointOptions): Checkpoint {
  return new Checkpoint(options)
}

export type { Checkpoint, CheckpointOptions } from './checkpoint.ts'
export { CheckpointError, type CheckpointErrorCode } from './errors.ts'
export { type FileJournalOptions, fileJournal } from './file-journal.ts'
export type { Journal } from './journal.ts'
export { type KafkaJournalOptions, kafkaJournal } from './kafka-journal.ts'
export { kafkaSnapshots } from './kafka-snapshots.ts'
export type { LeaseGrant } from './lease.ts'
export { type CheckpointLimits, defaultLimits } from './limits.ts'
export type { CheckpointMap } from './map.ts'
export { createMemoryLog, type MemoryLog, memoryJournal } from './memory-journal.ts'
export { memorySnapshots } from './memory-snapshots.ts'
export { type JournalPorts, type JournalPortsOptions, journalPorts } from './open-journal.ts'
export type { ProgressStatus } from './progress-report.ts'
export { type ExactlyOnceRoute, type RouteOptions, type Routes, routes } from './route.ts'
export { problem, type RouteHandler, type RouteRequest, type RouteResponse } from './route-handler.ts'
export { type Router, type RouterTable, router } from './router.ts'
export type { SnapshotStore } from './snapshot-store.ts'
export type { CheckpointPhase, CheckpointStatus, SnapshotStatus, StandbyRead } from './status.ts'
export type { Time } from './time.ts'
