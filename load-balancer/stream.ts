/** One stream of the stream lane: what is known of it, and what is done to it. */
import { type ClientRequest, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { cutAnswer, endsWithHead } from './client-answer.ts'
import type { Forwarding } from './forwarding.ts'
import { originForm, type Provenance, toBackendInPlace } from './message-headers.ts'
import type { Target } from './routing.ts'

/** One request or WebSocket in this lane. */
export interface Stream {
  request: IncomingMessage
  answer: ServerResponse | Socket
  target: Target | undefined
  /** To the backend, once there is one. */
  outgoing: ClientRequest | undefined
  /** The same, once both speak something else than HTTP. */
  backendSocket: Socket | undefined
  /** What was asked of the connection, and is not in the headers any more. */
  asks: { te: string | undefined; trailer: string | undefined }
  /** It ends when somebody leaves, not by itself. */
  endless: boolean
  /** Of the answer to an upgrade; 499 as long as there is none. */
  status: number
  openedMs: number
  /** What the client's connection had been sent before. */
  bytesBefore: number
  failed: boolean
}

/** Nobody reads from a client that waits for its upgrade, so it would not be noticed that it left. */
export function watchForEnd(socket: Socket): void {
  socket.on('readable', readNothing).on('end', leave)
}

/** The end of that: from now on somebody reads. */
export function watchNoMore(socket: Socket): void {
  socket.off('readable', readNothing).off('end', leave)
}

function readNothing(this: Socket): void {
  // What is there is for the backend, and stays; only the end has no length.
  if (this.readableLength === 0) this.read()
}

function leave(this: Socket): void {
  this.destroy()
}

export function bytesOf({ request, bytesBefore }: Stream): number {
  return request.socket.bytesWritten - bytesBefore
}

export function provenanceOf(stream: Stream | undefined): Provenance {
  return { backend: stream?.target?.name ?? 'none', epoch: stream?.target?.epoch ?? 0, replays: 0 }
}

/** The headers as a backend gets them, and a path instead of a whole URL, in which httpxy sees a path. */
export function prepare(request: IncomingMessage, forwarding: Forwarding): void {
  const { headers } = request
  toBackendInPlace(request, forwarding)
  request.url = originForm(request.url!) ?? request.url!
  // HTTP/2 frames a body of unknown length by itself; without chunks it would run into what follows.
  if (request.httpVersionMajor > 1 && headers['content-length'] === undefined && !endsWithHead(request))
    headers['transfer-encoding'] = 'chunked'
}

export function cut(stream: Stream): void {
  stream.failed = true
  const { answer } = stream
  if ('headersSent' in answer) cutAnswer(answer)
  else answer.destroy()
  // A deposed or lost backend gets no farewell.
  stream.backendSocket?.destroy()
}

/** An answer for a socket that has no response object: one that asked for an upgrade. */
export function rawAnswer(status: number, headers: string[], body: Buffer): Buffer {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`]
  for (let index = 0; index < headers.length; index += 2) lines.push(`${headers[index]}: ${headers[index + 1]}`)
  lines.push('connection: close', '', '')
  return Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), body])
}
