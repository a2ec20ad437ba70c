/** What is answered to bytes that are no request, where there is no response object to answer with. */
import { STATUS_CODES } from 'node:http'
import { type ProblemType, problemAnswer } from './problem.ts'

/** What Node's parser or server says of a client, by its code. */
const problemOfCode: Record<string, ProblemType> = {
  HPE_HEADER_OVERFLOW: 'headers too large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'chunk extensions too large',
  ERR_HTTP_REQUEST_TIMEOUT: 'headers timed out',
}

export type ClientFault =
  /** To be answered with this. */
  | { type: 'answer'; problem: ProblemType }
  /** What comes after the last request of a connection is nobody's (RFC 9112 9.6). */
  | { type: 'ignore' }
  /** The connection is lost. */
  | { type: 'lost' }

export function clientFault(code: string | undefined): ClientFault {
  if (code === 'HPE_CLOSED_CONNECTION') return { type: 'ignore' }
  const problem = problemOfCode[code ?? '']
  if (problem) return { type: 'answer', problem }
  return code?.startsWith('HPE_') ? { type: 'answer', problem: 'malformed' } : { type: 'lost' }
}

/** A whole answer that ends its connection. */
export function lastAnswer(type: ProblemType): Buffer {
  const { status, headers, body } = problemAnswer(
    { type, outcome: 'not applied', key: null },
    { backend: 'none', epoch: 0, replays: 0 },
  )
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`]
  for (let index = 0; index < headers.length; index += 2) lines.push(`${headers[index]}: ${headers[index + 1]}`)
  lines.push('connection: close', '', '')
  return Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), body])
}
