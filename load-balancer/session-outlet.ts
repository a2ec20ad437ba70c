/** Opens a session at a backend: a request of the balancer's own, whose answer names the session. */
import { z } from 'zod'
import { sessionsPath } from '../checkpoint/request-headers.ts'
import type { Job, Outlet } from './job.ts'
import type { Problem } from './problem.ts'
import type { Head, Outgoing } from './sending.ts'

const answerSchema = z.object({
  session: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[!-~]+$/),
})

export interface SessionListener {
  opened(id: string, job: Job): void
  notOpened(reason: string, job: Job): void
}

/** The request. A second run opens a second session, which nobody uses: no harm. */
export function sessionRequest(): Outgoing {
  return { method: 'POST', path: sessionsPath, headers: [], body: null }
}

export class SessionOutlet implements Outlet {
  readonly #listener: SessionListener

  constructor(listener: SessionListener) {
    this.#listener = listener
  }

  answer(job: Job, head: Head, body: Buffer | null): void {
    const id = head.status === 201 ? parseSession(body) : undefined
    if (id === undefined) this.#listener.notOpened(`answered ${head.status} when asked for a session`, job)
    else this.#listener.opened(id, job)
  }

  begin(job: Job, head: Head): void {
    this.#listener.notOpened(`answered ${head.status} without end when asked for a session`, job)
  }

  write(): boolean {
    return true
  }

  end(): void {}

  cut(): void {}

  problem(job: Job, problem: Problem): void {
    this.#listener.notOpened(problem.type, job)
  }
}

function parseSession(body: Buffer | null): string | undefined {
  try {
    return answerSchema.parse(JSON.parse(body?.toString() ?? '')).session
  } catch {
    return undefined
  }
}
