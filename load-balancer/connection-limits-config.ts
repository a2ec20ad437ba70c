/** The limits on what clients may send and hold, as options of the balancer. */
import { z } from 'zod'
import { byteCount, durationMs } from '../checkpoint/units.ts'

const count = z.coerce.number().int('expected a whole number').min(0)

/** To be spread into the balancer's options. */
export const connectionLimitOptions = {
  // What Node and most servers take; nginx 32 KiB, Apache 8 KiB a line.
  headerBytes: byteCount
    .prefault('16KiB')
    .refine((bytes) => bytes >= 1_024, 'expected at least 1KiB')
    .meta({ description: 'largest request head; then 431' }),
  // As Apache and HAProxy. Node forgets what passes its own count, so the count is taken here.
  headerCount: count.min(1).default(100).meta({ description: 'most header fields of a request; then 431' }),
  // RFC 9110 4.1 recommends at least 8,000 bytes.
  urlBytes: byteCount.prefault('8KiB').meta({ description: 'longest request target; then 414' }),
  // Uploads of any size stream with bounded memory, so that size alone harms only the backend, which may know better.
  bodyLimitBytes: byteCount
    .prefault('0B')
    .meta({ description: 'largest request body, 0 for any; then 413', flag: 'body-limit' }),
  // Below the usual limit of open files, with room for connections to backends.
  connections: count.min(1).default(16_384).meta({ description: 'most connections of clients; then 503' }),
  // Wide, because behind another proxy all clients are one address; narrow it where clients come straight.
  connectionsPerClient: count
    .default(12_288)
    .meta({ description: 'most connections of one client address, 0 for any; then 429' }),
  requestsPerClient: count
    .default(10_000)
    .meta({ description: 'most requests of one client address under way, 0 for any; then 429' }),
  // Ten times what a slow network takes, half of what slow attackers are usually given.
  headerTimeMs: durationMs
    .prefault('30s')
    .meta({ description: 'how long a request head may take; then 408', flag: 'header-time' }),
  // Longer than usual clients and load balancers keep an idle connection, so that it is theirs to close.
  idleTimeMs: durationMs
    .prefault('65s')
    .meta({ description: 'how long a connection may wait for its next request', flag: 'idle-time' }),
  bodyTimeMs: durationMs.prefault('30s').meta({
    description: 'how long a body may pause, and may be slower than its least rate; then 408',
    flag: 'body-time',
  }),
  // Slower than the slowest modem; a body of one byte each second is an attack.
  bodyRate: byteCount
    .prefault('256B')
    .meta({ description: 'least mean rate of a body, bytes a second, 0 for any; then 408' }),
  // As nginx's send_timeout.
  sendTimeMs: durationMs
    .prefault('60s')
    .meta({ description: 'how long a client may take nothing of an answer; then it is cut', flag: 'send-time' }),
}
