/** What one look at a running system shows. */

/** Kinds of processes, each judged by its largest. */
export const kinds = ['backend', 'balancer', 'receiver'] as const
export type Kind = (typeof kinds)[number]

/** Of the largest process of a kind. */
export interface ProcessFigures {
  readonly heapMiB: number
  /** Memory outside the heap that Node knows of: the stored entries are there. */
  readonly externalMiB: number
  readonly residentMiB: number
  readonly sockets: number
  readonly files: number
}

export interface JournalFigures {
  /** First offset that can still be read, and the one that the next record will get. */
  readonly start: number
  readonly end: number
  /** On the broker's disk. */
  readonly journalMiB: number
  readonly snapshotsMiB: number
}

export interface SystemFigures extends JournalFigures {
  readonly processes: Readonly<Record<Kind, ProcessFigures>>
}
