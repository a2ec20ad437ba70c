/** What every lane that keeps requests until they are answered can do. */
import type { Job, JobOwner, Submission } from './job.ts'
import type { Provenance } from './message-headers.ts'
import type { StreamTargets } from './stream-lane.ts'

export interface Lane extends JobOwner, StreamTargets {
  /** True if there is a backend to send to, now or once it can be reached. */
  readonly knowsBackend: boolean
  /** Requests held now. */
  readonly held: number
  /** Takes a request that was read; its outlet hears what becomes of it. */
  submit(submission: Submission): Job
  /** Takes over a request that another lane held. */
  adopt(job: Job): void
  /** Gives up deciding over what is held, oldest first. */
  takeHeld(): Job[]
  /** What is said with an answer that no backend gave. */
  provenance(): Provenance
  /** Ends it: what is held or comes later is refused. */
  close(): void
}
