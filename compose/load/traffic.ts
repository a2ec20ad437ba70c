/** What a load sends, and how it judges what it hears: the checked mix of the ticket office, or one request to any server. */
import type { Connection, Reply } from './connection.ts'
import type { Finding } from './findings.ts'
import type { OperationRequest } from './http-operations.ts'

/** When one request was due, was sent, and was done; Unix milliseconds (with fractions). */
export interface Times {
  intendedMs: number
  startMs: number
  endMs: number
}

/** One request, ready to be sent. */
export interface Sending {
  readonly request: OperationRequest
  /** Beside what the body needs: names and values in turn. */
  readonly headers: readonly string[]
  /** Takes note of the reply. Undefined if it is legitimate, else the code of what is wrong. To be called once. */
  settle(reply: Reply, times: Times): string | undefined
}

/** What checking a run came to. */
export interface Verdict {
  findings: Finding[]
  /** Why something could not be verified, if so, and how often. */
  readBackError?: Error
  readBackFailures: number
}

export interface Traffic {
  next(): Sending
  /** Checks what was promised, when all that was sent is settled. Never rejects. */
  verify(connection: Pick<Connection, 'send'>): Promise<Verdict>
  /** Lets go of what it holds. */
  close(): Promise<void>
}
