/** What an orchestrator asks of a backend on its own port: whether it lives, and whether it could serve. Open, as who asks cannot say a token. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { requestHeader } from '../checkpoint/request-headers.ts'
import type { CheckpointPhase } from '../checkpoint/status.ts'

/** 200 while the process answers at all. */
export const healthzPath = '/.heartline/healthz'
/** 200 once the journal was read to its end, as active or standby; 503 before, and from the first word of its stop. */
export const readyzPath = '/.heartline/readyz'

/** Where the answer comes from. */
export interface HealthSource {
  readonly phase: () => CheckpointPhase
}

/**
 * Answers if this asks for a health check. A client of a balancer is no orchestrator: what came through one is the application's.
 * @returns false if it is not for us
 */
export function serveHealth(
  { phase }: HealthSource,
  { url, method, headers }: IncomingMessage,
  response: ServerResponse,
): boolean {
  if ((url !== healthzPath && url !== readyzPath) || (method !== 'GET' && method !== 'HEAD')) return false
  if (headers[requestHeader] !== undefined || headers.via !== undefined) return false
  const now = phase()
  const ready = url === healthzPath || (now !== 'starting' && now !== 'stopping')
  response.writeHead(ready ? 200 : 503, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(JSON.stringify({ status: url === healthzPath ? 'ok' : now }))
  return true
}
