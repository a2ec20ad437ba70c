/** For tests: backends with real sockets over one journal in memory, a follower moved by hand, a balancer, a client. */
import { EventEmitter, once } from 'node:events'
import { Agent, createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { pino } from 'pino'
import { parseRequestHeader, type RequestNote, requestHeader, sessionsPath } from '../checkpoint/request-headers.ts'
import type { Decision, Figures, FirstAnswer, Report } from '../heartbeat-receiver/protocol.ts'
import { type RunningBalancer, runBalancer } from './balancer.ts'
import { balancerOptions } from './config.ts'
import type { HeardMember } from './membership.ts'

/** What the backends of a test share: what was applied, and the recorded answers. */
export class Journal {
  readonly applied: string[] = []
  readonly sessions = new Set<string>()
  readonly recorded = new Map<string, string>()
}

export interface Arrival {
  method: string
  url: string
  headers: IncomingMessage['headers']
  body: Buffer
  note: RequestNote | undefined
}

export type Answer = (arrival: Arrival, response: ServerResponse, request: IncomingMessage) => void

/** A backend that applies each numbered request once. What it does with one is `answer`, which a test replaces. */
export class FakeBackend {
  readonly name: string
  readonly journal: Journal
  readonly arrivals: Arrival[] = []
  readonly server = createServer()
  readonly sockets = new Set<Socket>()
  incarnation: string
  exactlyOnce = true
  answer: Answer = (arrival, response) => this.apply(arrival, response)
  #hung: (() => void)[] = []

  constructor(name: string, journal: Journal) {
    this.name = name
    this.incarnation = `${name}-1`
    this.journal = journal
    this.server.on('connection', (socket) => {
      this.sockets.add(socket)
      socket.on('close', () => this.sockets.delete(socket))
    })
    this.server.on('request', (request, response) => void this.#receive(request, response))
  }

  async listen(port = 0): Promise<void> {
    this.server.listen(port, '127.0.0.1')
    await once(this.server, 'listening')
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** As `kill -9` does: no socket is left, and none is accepted. */
  kill(): void {
    this.server.close()
    // Node 26 never finishes its own exit if a socket that has ended is reset.
    for (const socket of this.sockets) {
      if (socket.writableEnded) socket.destroy()
      else if (!socket.destroyed) socket.resetAndDestroy()
    }
  }

  decision(epoch: number): Decision {
    return {
      shard: 0,
      epoch,
      name: this.name,
      incarnation: this.incarnation,
      url: this.url,
      exactlyOnce: this.exactlyOnce,
    }
  }

  /** Applies the request unless its answer is recorded, and records it. Nothing is answered. */
  record(arrival: Arrival): string {
    const { note } = arrival
    const key = note?.session ? `${note.session} ${note.number}` : undefined
    const known = key && this.journal.recorded.get(key)
    if (known) return known
    if (arrival.method !== 'GET') this.journal.applied.push(`${arrival.method} ${arrival.url} ${arrival.body}`)
    const answer = `${arrival.method} ${arrival.url} ${arrival.body.length}`
    if (key) this.journal.recorded.set(key, answer)
    return answer
  }

  apply(arrival: Arrival, response: ServerResponse): void {
    if (arrival.url === sessionsPath) return void response.writeHead(204).end()
    const session = arrival.note?.session
    if (session && !this.journal.sessions.has(session)) {
      response.writeHead(410, { 'x-heartline-refused': 'session-ended' })
      response.end()
      return
    }
    response.setHeader('x-heartline-backend', this.name)
    response.end(this.record(arrival))
  }

  openSession(response: ServerResponse): void {
    const session = `session-${this.journal.sessions.size + 1}`
    this.journal.sessions.add(session)
    response.writeHead(201, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ session }))
  }

  /** Answers what hangs, by the answer that is set now. */
  answerHung(): void {
    for (const answer of this.#hung.splice(0)) answer()
  }

  /** Arrivals that are not the balancer's own. */
  get requests(): Arrival[] {
    return this.arrivals.filter(({ url }) => url !== sessionsPath)
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    // A request that is cut short arrives nowhere.
    request.on('end', () => {
      const { method, url, headers } = request
      const header = headers[requestHeader]
      const note = typeof header === 'string' ? parseRequestHeader(header) : undefined
      const arrival = { method: method!, url: url!, headers, body: Buffer.concat(chunks), note }
      this.arrivals.push(arrival)
      if (url === sessionsPath && method === 'POST' && this.answer !== hang && this.answer !== refuse)
        this.openSession(response)
      else {
        if (this.answer === hang) this.#hung.push(() => this.answer(arrival, response, request))
        this.answer(arrival, response, request)
      }
    })
  }
}

/** Never answers, as a stopped process. */
export const hang: Answer = () => undefined
/** Does not lead. */
export const refuse: Answer = (_arrival, response) => {
  response.writeHead(421, { 'x-heartline-refused': 'not-active' })
  response.end('not here')
}

export class FakeFollower extends EventEmitter<{ decision: [Decision]; members: [readonly HeardMember[]] }> {
  readonly reports: Omit<Report, 'type'>[] = []
  readonly firstAnswers: FirstAnswer[] = []
  readonly told: Figures[] = []
  readonly epochsSeen: number[] = []
  #decision: Decision | undefined
  #members: readonly HeardMember[] = []

  members(): readonly HeardMember[] {
    return this.#members
  }

  tell(members: readonly HeardMember[]): void {
    this.#members = members
    this.emit('members', members)
  }

  decision(): Decision | undefined {
    return this.#decision
  }

  decide(decision: Decision): void {
    this.#decision = decision
    this.emit('decision', decision)
  }

  report(report: Omit<Report, 'type'>): void {
    this.reports.push(report)
  }

  seen(epoch: number): void {
    this.epochsSeen.push(epoch)
  }

  firstAnswer(answer: FirstAnswer): void {
    this.firstAnswers.push(answer)
  }

  figures(figures: Figures): void {
    this.told.push(figures)
  }

  close(): void {}
}

export interface Cluster {
  a: FakeBackend
  b: FakeBackend
  journal: Journal
  follower: FakeFollower
  balancer: RunningBalancer
  logs: Record<string, unknown>[]
  /** The client's connections. */
  agent: Agent
  /** Begins the balancer's orderly stop. */
  stop(): void
  send(options: SendOptions): Promise<Reply>
}

export interface ClusterOptions {
  options?: Record<string, unknown>
  exactlyOnce?: boolean
  /** False to start with no decision. */
  decided?: boolean
}

/** Two backends, `a` decided under epoch 1, and a balancer in front. All of it ends with the test. */
export async function startCluster(t: TestContext, given: ClusterOptions = {}): Promise<Cluster> {
  const journal = new Journal()
  const [a, b] = [new FakeBackend('a', journal), new FakeBackend('b', journal)]
  for (const backend of [a, b]) {
    backend.exactlyOnce = given.exactlyOnce ?? true
    await backend.listen()
    t.after(() => backend.kill())
  }
  const follower = new FakeFollower()
  if (given.decided !== false) follower.decide(a.decision(1))
  const logs: Record<string, unknown>[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void logs.push(JSON.parse(line)) })
  const stop = new AbortController()
  const options = balancerOptions.parse({ port: 0, adminPort: 0, ...given.options })
  const balancer = await runBalancer(options, follower, log, stop.signal)
  const agent = new Agent({ keepAlive: true })
  t.after(async () => {
    agent.destroy()
    a.kill()
    b.kill()
    stop.abort()
    await balancer.done
  })
  return {
    a,
    b,
    journal,
    follower,
    balancer,
    logs,
    agent,
    stop: () => stop.abort(),
    send: (sent) => send(balancer.url, agent, sent),
  }
}

export interface SendOptions {
  method?: string
  path?: string
  headers?: Record<string, string | string[]>
  body?: string | Buffer | Buffer[]
}

export interface Reply {
  status: number
  headers: IncomingMessage['headers']
  body: Buffer
  text: string
}

/** One request of a client. A list as the body is sent chunked, part by part. Rejects if the answer is cut. */
export function send(
  url: string,
  agent: Agent,
  { method = 'GET', path = '/', headers = {}, body }: SendOptions,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(new URL(path, url), { method, headers, agent }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const whole = Buffer.concat(chunks)
        resolve({ status: response.statusCode!, headers: response.headers, body: whole, text: whole.toString() })
      })
    })
    request.on('error', reject)
    if (Array.isArray(body)) {
      for (const part of body) request.write(part)
      request.end()
    } else request.end(body)
  })
}

/** Waits until `condition` holds; polls, because what is waited for has no event. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 5_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
