/** A backend's HTTP server in the simulated world: routes and the responses that they write, without sockets. */
import type { ServerResponse } from 'node:http'
import { sessionsPath } from '../../checkpoint/request-headers.ts'
import type { RouteRequest } from '../../checkpoint/route-handler.ts'
import type { End, EndHandlers } from './connection.ts'
import type { SimAnswer, SimRequest } from './http.ts'

/** What answers requests at a backend. */
export interface SimApplication {
  handle(request: RouteRequest, response: ServerResponse): void
  openSession(request: RouteRequest, response: ServerResponse): void
}

/** A backend's HTTP server: what stands before the application as in `backend/http-server.ts`, and the response that routes write. */
export class SimHttpServer {
  readonly #application: SimApplication
  #inFlight = 0

  constructor(application: SimApplication) {
    this.#application = application
  }

  get inFlight(): number {
    return this.#inFlight
  }

  accept(end: End): EndHandlers {
    const open = new Set<SimResponse>()
    return {
      onItem: (item) => {
        const response = new SimResponse((answer) => {
          this.#inFlight--
          open.delete(response)
          end.send(answer)
        })
        this.#inFlight++
        open.add(response)
        this.#handle(item as SimRequest, response)
      },
      onClose: () => {
        this.#inFlight -= open.size
        for (const response of open) response.destroyed = true
        open.clear()
      },
    }
  }

  #handle({ method, path, headers, body }: SimRequest, response: SimResponse): void {
    const parsed = body === null ? undefined : (JSON.parse(body) as unknown)
    const request: RouteRequest = { method, url: path, headers, query: {}, body: parsed }
    const written = response as unknown as ServerResponse
    if (path !== sessionsPath) return this.#application.handle(request, written)
    if (method === 'POST') return this.#application.openSession(request, written)
    response.writeHead(204, {})
    response.end()
  }
}

/** The part of Node's response that routes use. */
class SimResponse {
  headersSent = false
  destroyed = false
  readonly #sent: (answer: SimAnswer) => void
  #status = 200
  #headers: Record<string, string> = {}

  constructor(sent: (answer: SimAnswer) => void) {
    this.#sent = sent
  }

  writeHead(status: number, headers: Readonly<Record<string, string | number>> = {}): this {
    this.#status = status
    for (const name in headers) this.#headers[name.toLowerCase()] = String(headers[name])
    this.headersSent = true
    return this
  }

  end(body = ''): void {
    if (this.destroyed) return
    this.destroyed = true
    this.#headers['content-length'] ??= String(Buffer.byteLength(body))
    this.#sent({ status: this.#status, headers: this.#headers, body })
  }
}
