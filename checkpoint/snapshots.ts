/**
 * The snapshots of a checkpoint: restored from at its start, or when its journal was truncated ahead of it; taken when one is due; cleared
 * away when they are old. A shell: `snapshot-policy.ts` and `snapshot-manifest.ts` decide.
 */
import type { Logger } from 'pino'
import { CheckpointError } from './errors.ts'
import { emptyFold, type FoldState } from './fold.ts'
import type { JournalExtent } from './journal-reader.ts'
import type { CheckpointLimits } from './limits.ts'
import type { ProgressReport } from './progress-report.ts'
import { checksum } from './snapshot-chunk.ts'
import { decodeGenerations, type Generation, type Manifest } from './snapshot-manifest.ts'
import { SnapshotPolicy } from './snapshot-policy.ts'
import { type Restored, restoreNewest } from './snapshot-restore.ts'
import type { SnapshotStore } from './snapshot-store.ts'
import { removeGeneration, takeSnapshot } from './snapshot-taking.ts'
import type { CheckpointPhase, SnapshotStatus } from './status.ts'
import type { Store } from './store.ts'
import { TailBytes } from './tail-bytes.ts'
import type { Time } from './time.ts'

export interface SnapshotsOptions {
  readonly snapshots: SnapshotStore
  readonly store: Store
  readonly node: string
  readonly log: Logger
  readonly time: Time
  /** From 0 to 1. */
  readonly random: () => number
  /** Names a generation. */
  readonly newId: () => string
  readonly limits: Pick<CheckpointLimits, 'snapshotTailBytes' | 'snapshotDelayMs'>
  /** Standbys there are besides this process; undefined: not known. */
  readonly standbys: () => number | undefined
  readonly phase: () => CheckpointPhase
  readonly foldState: () => FoldState
  readonly lastValue: () => Uint8Array | null
  /** Goes on from a fold that a snapshot holds. */
  readonly goOnFrom: (state: FoldState) => void
  /** Resolves when everything that can be seen now is durable and valid; rejects if that will not be known. */
  readonly settled: () => Promise<unknown>
  readonly truncate: (before: number) => Promise<void>
  readonly progress: () => ProgressReport
}

/** So often it is asked whether something is to be done, milliseconds. */
const tickMs = 250
/** How long a copy that is abandoned at close may take to clear its chunks away, milliseconds; else another does, later. */
const tidyMs = 1_000

export class Snapshots {
  readonly #options: SnapshotsOptions
  readonly #policy: SnapshotPolicy
  readonly #tail = new TailBytes()
  readonly #stopping = new AbortController()
  /** Snapshots that were found damaged. */
  readonly #unsound = new Set<string>()
  #cancelTick: (() => void) | null = null
  #work: Promise<void> | null = null
  #taking: AbortController | null = null
  #tookMs: number | null = null
  /** The record before the restored state, not read yet: whether this is the journal that was copied. */
  #recordBefore: { readonly offset: number; readonly sum: string; readonly generation: string } | null = null

  constructor(options: SnapshotsOptions) {
    this.#options = options
    const { snapshotTailBytes: tailBytesMin, snapshotDelayMs: delayMaxMs } = options.limits
    this.#policy = new SnapshotPolicy({ tailBytesMin, delayMaxMs, random: options.random })
  }

  /** The offset from which on the journal must be read. */
  get nextOffset(): number {
    return this.#recordBefore?.offset ?? this.#options.foldState().offset
  }

  /** @throws CheckpointError JOURNAL_UNREACHABLE, JOURNAL_UNSAFE */
  open(): Promise<void> {
    return this.#options.snapshots.open()
  }

  status(): SnapshotStatus {
    const { newest } = this.#policy
    return {
      newest: newest && {
        generation: newest.generation,
        offset: newest.start.offset,
        writtenAtMs: newest.writtenAtMs,
        bytes: newest.bytes,
        keys: newest.keys,
      },
      tailBytes: this.#tail.since(newest?.start.offset ?? 0),
      taking: this.#taking !== null,
      tookMs: this.#tookMs,
    }
  }

  /** Empties the state and fills it from the newest snapshot that fits the journal; `begin` says from where the journal is to be read. */
  async restore({ start, askEnd }: JournalExtent, begin: (from: number) => void): Promise<void> {
    const { snapshots, store, goOnFrom, log, time, progress } = this.#options
    store.clear()
    goOnFrom(emptyFold)
    this.#recordBefore = null
    const beganMs = time.now()
    let seen = { keys: 0, bytes: 0 }
    let end = 0
    const restored = await restoreNewest({
      snapshots,
      store,
      time,
      journalStart: start,
      askJournalEnd: async () => {
        end = await askEnd()
        return end
      },
      signal: this.#stopping.signal,
      trying: (manifest) => {
        seen = { keys: 0, bytes: 0 }
        begin(Math.max(start, manifest.start.offset - 1))
      },
      progressed: (manifest, bytes) => {
        const keys = Math.round((manifest.keys * bytes) / manifest.bytes)
        progress().read(keys - seen.keys, bytes - seen.bytes)
        progress().left('snapshot', manifest.keys - keys + end - manifest.start.offset, time.now())
        seen = { keys, bytes }
      },
    })
    this.#stopping.signal.throwIfAborted()
    for (const { generation, why } of restored.unused)
      log.warn({ event: 'snapshot', generation, why }, 'a snapshot was passed over')
    for (const generation of restored.unsound) this.#unsound.add(generation)
    this.#looked(restored.generations)
    this.#restored(restored, start, time.now() - beganMs)
    if (!restored.manifest) begin(0)
  }

  /**
   * A record of the journal was read, whether it was news or not.
   * @throws CheckpointError HISTORY_DIVERGED if the journal is not the one that the restored snapshot was copied from
   */
  recordRead(offset: number, value: Uint8Array): void {
    this.#tail.read(offset, value.length)
    const before = this.#recordBefore
    if (before === null || offset < before.offset) return
    this.#recordBefore = null
    if (offset === before.offset && checksum(value) === before.sum) return
    throw new CheckpointError(
      'HISTORY_DIVERGED',
      `the snapshot ${before.generation} was copied from a journal with another record at offset ${before.offset}: Kafka lost records and regrew, ` +
        'or the journal was made anew; restore it, or remove its snapshots if they are of another',
    )
  }

  /** The journal was read to its end: from here on snapshots are taken. */
  caughtUp(): void {
    this.#cancelTick ??= this.#options.time.every(tickMs, () => this.#tick())
  }

  /**
   * Takes one now, due or not, when what is under way is done; resolves when it is written, and what is older is cleared away.
   * @throws CheckpointError NOT_ACTIVE while it is neither active nor a standby that has caught up; whatever kept it from being written
   */
  async takeNow(): Promise<void> {
    while (this.#work) await this.#work
    this.#stopping.signal.throwIfAborted()
    const { node, phase } = this.#options
    // In any other phase the state may hold what is taken back, or not be one yet.
    if (phase() !== 'active' && phase() !== 'standby')
      throw new CheckpointError('NOT_ACTIVE', `${node} is ${phase()}: only an active or a standby takes snapshots`)
    let failure: { readonly error: unknown } | null = null
    const work = this.#take((error) => {
      failure = { error }
    }).finally(() => {
      this.#work = null
    })
    this.#work = work
    await work
    if (failure) throw (failure as { error: unknown }).error
  }

  /** Another phase may take speculative values back: a copy that saw them is worth nothing. */
  phaseChanged(reason: string): void {
    this.#taking?.abort(new Error(reason))
  }

  async close(): Promise<void> {
    this.#stopping.abort(new CheckpointError('STOPPED', 'the checkpoint was closed'))
    this.#cancelTick?.()
    this.#taking?.abort(new Error('the checkpoint was closed'))
    const tooLong = Promise.withResolvers<void>()
    const cancel = this.#options.time.after(tidyMs, tooLong.resolve)
    await Promise.race([this.#work, tooLong.promise])
    cancel()
    await this.#options.snapshots.close() // what is still under way fails now
    await this.#work
  }

  #restored({ manifest }: Restored, journalStart: number, tookMs: number): void {
    const { goOnFrom, log } = this.#options
    this.#tail.begin(manifest?.start.offset ?? 0)
    if (!manifest) return
    const { generation, start, end, keys, bytes, chunks, by, recordBefore } = manifest
    goOnFrom(start)
    // Where the journal begins with the snapshot there is none before: it was truncated to just there, by who knew both.
    if (start.offset > journalStart) this.#recordBefore = { offset: start.offset - 1, sum: recordBefore, generation }
    log.info(
      {
        event: 'restored',
        generation,
        offset: start.offset,
        end,
        keys,
        bytes,
        chunks: chunks.length,
        by,
        ms: Math.round(tookMs),
      },
      `restored ${keys} keys from snapshot ${generation}; the journal is read from offset ${start.offset}`,
    )
  }

  #tick(): void {
    if (this.#work || this.#stopping.signal.aborted) return
    const { standbys, store, time } = this.#options
    const phase = this.#options.phase()
    const decision = this.#policy.decide({
      nowMs: time.now(),
      role: phase === 'standby' || phase === 'active' ? phase : 'neither',
      tailBytes: this.status().tailBytes,
      stateBytes: store.bytesUsed + store.remembered.bytes,
      standbys: standbys(),
    })
    if (decision === 'nothing') return
    this.#work = (decision === 'look' ? this.#look() : this.#take()).finally(() => {
      this.#work = null
    })
  }

  /** A damaged one counts for nothing: another is due as if it were not there. */
  #looked(generations: readonly Generation[]): void {
    const sound = generations.filter(({ generation }) => !this.#unsound.has(generation))
    this.#policy.looked(sound, this.#options.time.now())
  }

  async #look(): Promise<void> {
    try {
      this.#looked(decodeGenerations(await this.#options.snapshots.manifests()))
    } catch (err) {
      this.#options.log.debug({ err }, 'the snapshots could not be listed')
      this.#policy.failed(this.#options.time.now())
    }
  }

  async #take(onFailure: (error: unknown) => void = () => {}): Promise<void> {
    const { snapshots, store, log, node, time, newId, phase, foldState, lastValue, settled } = this.#options
    const generation = newId()
    const taking = new AbortController()
    const beganMs = time.now()
    const role = phase()
    const told = { event: 'snapshot', generation, epoch: foldState().reign[0], role }
    this.#taking = taking
    log.info({ ...told, offset: foldState().offset }, `snapshot begun at offset ${foldState().offset}`)
    try {
      const manifest = await takeSnapshot({
        ...{ snapshots, store, foldState, lastValue, generation, time },
        settled: () => (role === 'active' ? settled() : Promise.resolve()), // a standby holds nothing else
        signal: taking.signal,
        by: node,
      })
      this.#tookMs = Math.round(time.now() - beganMs)
      this.#policy.succeeded()
      this.#sayWritten(manifest, told, this.#tookMs)
    } catch (error) {
      onFailure(error)
      this.#policy.failed(time.now())
      const reason = error instanceof Error ? error.message : String(error)
      const ms = Math.round(time.now() - beganMs)
      log.warn({ ...told, offset: foldState().offset, ms, reason }, `snapshot abandoned: ${reason}`)
      return
    } finally {
      this.#taking = null
    }
    await this.#clearAway()
  }

  #sayWritten({ start, end, keys, bytes, chunks }: Manifest, told: object, ms: number): void {
    this.#options.log.info(
      { ...told, offset: start.offset, end, keys, bytes, chunks: chunks.length, ms },
      `snapshot of ${keys} keys written: offsets ${start.offset} to ${end}, ${bytes} bytes in ${ms} ms`,
    )
  }

  async #clearAway(): Promise<void> {
    const { snapshots, node, log, time, truncate } = this.#options
    try {
      const generations = decodeGenerations(await snapshots.manifests())
      this.#looked(generations)
      const { remove, truncateBefore } = this.#policy.leftovers(generations, this.#unsound, time.now())
      if (truncateBefore !== null) {
        await truncate(truncateBefore)
        log.info({ event: 'truncated', offset: truncateBefore }, `the journal is truncated to offset ${truncateBefore}`)
      }
      for (const old of remove) {
        this.#stopping.signal.throwIfAborted()
        const chunks = old.state === 'complete' ? old.chunks.length : old.chunksBelow
        await removeGeneration(snapshots, {
          generation: old.generation,
          chunks,
          by: node,
          writtenAtMs: time.wall(),
        })
        log.info({ event: 'snapshot', generation: old.generation, chunks }, `snapshot ${old.generation} removed`)
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      log.warn(
        { event: 'snapshot', reason },
        `what is old could not be cleared away; tried again after the next snapshot: ${reason}`,
      )
    }
  }
}
