/** Where an inspection may begin, so that it knows what came before: at the journal's own beginning, or where a snapshot was begun. Pure. */
import { emptyFold } from './fold.ts'
import type { InspectionStart } from './inspection.ts'
import { foldStateOf, type Manifest } from './snapshot-manifest.ts'

/** One place to begin at. */
export interface StartChoice {
  readonly start: InspectionStart
  /** The checksum that the record before must have, or the snapshot is of another journal; null if nothing needs to be checked. */
  readonly recordBefore: string | null
}

/**
 * The places from which records from `from` on can be judged, the nearest first: each is to be tried if the one before turned out to be of
 * another journal. The last one always holds. A snapshot that begins where a truncated journal does is taken as it is: it was
 * truncated there because of it, and the record before is gone.
 */
export function startChoices(
  from: number,
  { first, end }: { first: number; end: number },
  manifests: readonly Manifest[],
): StartChoice[] {
  const usable = manifests
    .filter((manifest) => manifest.start.offset >= first && manifest.start.offset <= from && manifest.end <= end)
    .toSorted((left, right) => right.start.offset - left.start.offset)
    .map((manifest) => ({
      start: foldStateOf(manifest),
      recordBefore: manifest.start.offset === first ? null : manifest.recordBefore,
    }))
  if (first === 0) return [...usable, { start: emptyFold, recordBefore: null }]
  const why = `what stood before offset ${first} is gone, and no snapshot says what it was`
  return [...usable, { start: { offset: first, why }, recordBefore: null }]
}
