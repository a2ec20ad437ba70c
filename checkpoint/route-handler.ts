/** What a service author writes, and what is answered: plain data, no framework. */

/**
 * The part of a request that a handler may use. Express's request is one. With plain `node:http`, `query` and a JSON `body` are read for the
 * handler, and `params` are what `router` found in the path.
 */
export interface RouteRequest {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly originalUrl?: string
  // biome-ignore lint/suspicious/noExplicitAny: as in Express, a route knows its own parameters
  readonly params?: any
  // biome-ignore lint/suspicious/noExplicitAny: as in Express
  readonly query?: any
  // biome-ignore lint/suspicious/noExplicitAny: as parsed by the service's own middleware, or by `route`
  readonly body?: any
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** An answer: `body` is sent as JSON; without one the answer is empty. */
export interface RouteResponse {
  /** Default 200. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
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
