/** What a service author writes, and what is answered: plain data, no framework. */

/**
 * The part of a request that a handler may use. Express's request is one. With plain `node:http`, `query` and a JSON `body` are read for the
 * handler, and `params` are what `router` found in the path.
 */
export interface RouteRequest {
  /** As sent, `GET`, `POST` … */
  readonly method?: string | undefined
  /** The request target: path and query. Behind an Express router without what the router took. */
  readonly url?: string | undefined
  /** Of Express: the target as sent. */
  readonly originalUrl?: string
  /** Parameters of the path, decoded. */
  // biome-ignore lint/suspicious/noExplicitAny: as in Express, a route knows its own parameters
  readonly params?: any
  /** The query: texts, and lists of texts for names that are repeated. */
  // biome-ignore lint/suspicious/noExplicitAny: as in Express
  readonly query?: any
  /** The body, parsed; undefined if there is none. Check it: a client wrote it. */
  // biome-ignore lint/suspicious/noExplicitAny: as parsed by the service's own middleware, or by `route`
  readonly body?: any
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** An answer: `body` is sent as JSON; without one the answer is empty. */
export interface RouteResponse {
  /** Default 200. */
  readonly status?: number
  /** Beside `Content-Type` and `Content-Length`, which are set; journaled with the answer. */
  readonly headers?: Readonly<Record<string, string>>
  /** Anything that JSON can hold. */
  readonly body?: unknown
}

/** Synchronous; runs as one transaction. A throw changes nothing and answers 500. */
export type RouteHandler = (request: RouteRequest) => RouteResponse

/** An error answer as RFC 9457 describes it. `extra` members are added to the body. */
export function problem(
  status: number,
  title: string,
  extra: Readonly<Record<string, unknown>> = {},
): Required<RouteResponse> {
  return {
    status,
    headers: { 'content-type': 'application/problem+json' },
    body: { type: 'about:blank', title, status, ...extra },
  }
}
