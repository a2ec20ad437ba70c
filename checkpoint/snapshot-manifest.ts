/**
 * Manifests of snapshots, and which one a restore may use. Pure.
 *
 * A generation announces itself with a `begun` record before its first chunk, under the same name that its manifest takes when all is
 * written and read back: so what a crash leaves behind is known, and can be cleared away.
 */
import { z } from 'zod'
import { CheckpointError } from './errors.ts'
import type { FoldState } from './fold.ts'

/** Version written by this code. A manifest of a higher one is not used: what it says may mean something else. */
export const manifestVersion = 1

const count = z.number().int().nonnegative()
const author = {
  /** Name of the node that wrote it, for people. */
  by: z.string(),
  /** Wall clock of that node, milliseconds, for people. */
  writtenAtMs: z.number(),
}
const begunSchema = z.object({
  state: z.literal('begun'),
  /** Chunks from this index on were not written: the announcement is renewed before they are. */
  chunksBelow: count,
  ...author,
})
const completeSchema = z.object({
  state: z.literal('complete'),
  /** The fold at the copy's start. The journal is replayed from its offset. */
  start: z.object({
    offset: count,
    reign: z.tuple([count, count]).readonly(),
    incarnation: z.string(),
    node: z.string(),
    url: z.string(),
    digest: z.string().length(32),
    at: z.number(),
  }),
  /** The record before `start.offset`: its checksum says whether a journal is the one that this was copied from. */
  recordBefore: z.string().min(1),
  /** Everything that the copy saw stands below this offset. The state is none before that is read. */
  end: count,
  /** In order: bytes, SHA-256 (see `checksum`), location. The key is the generation, a slash and the index. */
  chunks: z.array(z.tuple([count, z.string(), count])).min(1),
  keys: count,
  /** Bytes of all chunks. */
  bytes: count,
  ...author,
})

/** A generation that was announced and is not complete. */
export type Begun = z.infer<typeof begunSchema> & { readonly generation: string }
/** A generation whose chunks were all written and read back. */
export type Manifest = z.infer<typeof completeSchema> & { readonly generation: string }
/** What stands under the name of a generation. */
export type Generation =
  | Begun
  | Manifest
  | { readonly state: 'unusable'; readonly generation: string; readonly why: string }

/** The key of a generation's chunk. */
export function chunkKey(generation: string, index: number): string {
  return `${generation}/${index}`
}

export function encodeGeneration({ generation: _, ...rest }: Begun | Manifest): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ version: manifestVersion, ...rest }))
}

/** What a store holds under a name. Never throws: what cannot be read cannot be used, and says why. */
export function decodeGeneration(generation: string, value: Uint8Array): Generation {
  const unusable = (why: string) => ({ state: 'unusable', generation, why }) as const
  let data: unknown
  try {
    data = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value))
  } catch {
    return unusable('its manifest is not JSON text in UTF-8')
  }
  const version = (data as { version?: unknown } | null)?.version
  if (version !== manifestVersion) {
    const newer = typeof version === 'number' && version > manifestVersion
    const hint = newer ? 'a newer program wrote it; upgrade this one' : 'something else wrote it'
    return unusable(
      `its manifest has version ${JSON.stringify(version)}, and this program reads ${manifestVersion}: ${hint}`,
    )
  }
  const parsed = z.discriminatedUnion('state', [begunSchema, completeSchema]).safeParse(data)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    return unusable(`its manifest is not sound: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`)
  }
  const found = { ...parsed.data, generation }
  if (found.state === 'complete') {
    if (found.end < found.start.offset || found.start.offset === 0)
      return unusable('its manifest is not sound: start and end')
    if (found.chunks.reduce((sum, [bytes]) => sum + bytes, 0) !== found.bytes)
      return unusable('its manifest is not sound: bytes')
  }
  return found
}

export function decodeGenerations(stored: ReadonlyMap<string, Uint8Array>): Generation[] {
  return [...stored].map(([generation, value]) => decodeGeneration(generation, value))
}

/** The complete ones, the highest start first: not the last written, which a slow standby may have begun long before. */
export function complete(generations: readonly Generation[]): Manifest[] {
  return generations
    .filter((generation) => generation.state === 'complete')
    .sort(
      (left, right) =>
        right.start.offset - left.start.offset || right.end - left.end || (left.generation < right.generation ? -1 : 1),
    )
}

/** Why a snapshot was not used. */
export interface Unused {
  readonly generation: string
  readonly why: string
}

/** What a restore has to choose from. */
export interface RestoreChoice {
  /** In the order in which they are to be tried. */
  readonly candidates: readonly Manifest[]
  readonly unused: readonly Unused[]
}

/**
 * Judges what is there for a journal that goes from `journalStart` to `journalEnd`.
 * @throws CheckpointError HISTORY_LOST if a snapshot saw records that the journal does not have
 */
export function restoreChoice(
  generations: readonly Generation[],
  { journalStart, journalEnd }: { journalStart: number; journalEnd: number },
): RestoreChoice {
  const candidates: Manifest[] = []
  const unused: Unused[] = []
  for (const manifest of complete(generations)) {
    const { generation, end, start } = manifest
    if (end > journalEnd) {
      throw new CheckpointError(
        'HISTORY_LOST',
        `the journal ends at ${journalEnd}, and the snapshot ${generation} was copied from one that had ${end} records: Kafka lost records, ` +
          'or the journal was made anew; restore the journal, or remove its snapshots if they are of another',
      )
    }
    if (start.offset >= journalStart) candidates.push(manifest)
    else
      unused.push({
        generation,
        why: `it ends where offset ${start.offset} begins, and the journal starts at ${journalStart}`,
      })
  }
  for (const generation of generations) {
    if (generation.state === 'unusable') unused.push(generation)
    else if (generation.state === 'begun')
      unused.push({ generation: generation.generation, why: 'it was never finished' })
  }
  return { candidates, unused }
}

/** The refusal to lead without the beginning. */
export function nothingCovers(journalStart: number, unused: readonly Unused[]): CheckpointError {
  const reasons = unused.map(({ generation, why }) => `snapshot ${generation}: ${why}`)
  const found = reasons.length === 0 ? 'there is none' : reasons.join('; ')
  return new CheckpointError(
    'HISTORY_LOST',
    `the journal starts at offset ${journalStart} and no snapshot covers what stood before (${found}); ` +
      'restore the topics, or begin with another --topic-prefix',
  )
}

/** The fold at a snapshot's start. */
export function foldStateOf({ start }: Manifest): FoldState {
  return start
}
