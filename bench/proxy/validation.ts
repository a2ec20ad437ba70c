/** A proxy is timed only if it does the work: right answers, whole bodies, to the right request, over connections that are kept. */
import { createHash, randomBytes } from 'node:crypto'
import { Agent, request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { mustHold } from '../errors.ts'
import { postBytes } from './load.ts'
import { answerText, type Seen } from './upstream.ts'

/** Requests one after the other on one connection. */
const successive = 20
/** As many connections at once as the load has. */
const concurrent = 64
/** A proxy may have opened one for itself, or for a session. */
const upstreamConnectionsMax = 4
const answerTimeoutMs = 15_000

interface Answer {
  readonly status: number
  readonly body: string
  readonly seen: Seen
  /** True if the client's connection was used before. */
  readonly reused: boolean
}

/**
 * @param port of a proxy before the checking upstream
 * @param keepsAlive whether connections must be kept, on both sides
 * @throws BenchError CONTENDER_WRONG
 */
export async function validateProxy(name: string, port: number, keepsAlive: boolean): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  try {
    const used = new Set<number>()
    for (let index = 0; index < successive; index++) {
      const body = index % 2 === 0 ? null : randomBytes(postBytes)
      const answer = await ask(name, port, agent, `/check?n=${index}`, body)
      mustHold(answer.reused || index === 0 || !keepsAlive, `${name} closed the client's connection after an answer`)
      // What a session needs is over after the first two.
      if (index >= 2) used.add(answer.seen.connection)
    }
    mustHold(
      !keepsAlive || used.size <= upstreamConnectionsMax,
      `${name} opened ${used.size} connections for ${successive} requests`,
    )
  } finally {
    agent.destroy()
  }
  const many = new Agent({ keepAlive: true, maxSockets: concurrent })
  try {
    const requests = Array.from({ length: 4 * concurrent }, (_, index) =>
      ask(name, port, many, `/many?n=${index}`, index % 2 === 0 ? null : randomBytes(postBytes)),
    )
    await Promise.all(requests)
  } finally {
    many.destroy()
  }
}

async function ask(name: string, port: number, agent: Agent, path: string, body: Buffer | null): Promise<Answer> {
  const method = body === null ? 'GET' : 'POST'
  const answer = await send(port, agent, method, path, body).catch((error: Error) => {
    mustHold(false, `${name} did not answer ${method} ${path}: ${error.message}`)
  })
  const { status, seen } = answer
  mustHold(status === 200, `${name} answered ${status} to a ${method}`)
  mustHold(answer.body === answerText, `${name} changed the body of an answer`)
  mustHold(
    seen.method === method && seen.path === path,
    `${name} made ${seen.method} ${seen.path} of ${method} ${path}`,
  )
  const sent = body ?? Buffer.alloc(0)
  mustHold(
    seen.bodyBytes === sent.length && seen.sha256 === createHash('sha256').update(sent).digest('hex'),
    `${name} handed on ${seen.bodyBytes} bytes of a ${method} of ${sent.length}, or other ones`,
  )
  return answer
}

function send(port: number, agent: Agent, method: string, path: string, body: Buffer | null): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = body === null ? {} : { 'content-length': body.length }
    const signal = AbortSignal.timeout(answerTimeoutMs)
    const outgoing = request({ port, host: '127.0.0.1', agent, method, path, headers, signal }, (response) => {
      buffer(response).then((received) => {
        const seen = parseSeen(response.headers['x-seen'])
        if (seen === undefined) return reject(new Error(`status ${response.statusCode}, not the upstream's answer`))
        const text = received.toString('latin1')
        resolve({ status: response.statusCode!, body: text, seen, reused: outgoing.reusedSocket })
      }, reject)
    })
    outgoing.on('error', reject)
    outgoing.end(body ?? undefined)
  })
}

function parseSeen(header: string | string[] | undefined): Seen | undefined {
  return typeof header === 'string' ? (JSON.parse(header) as Seen) : undefined
}
