/** Paths for a service on plain `node:http`: a table of handlers, and which of them are exactly once. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { PathTable } from './path-table.ts'
import { isExactlyOnce } from './route.ts'
import { problem, type RouteResponse } from './route-handler.ts'

/**
 * Handlers by method and path, such as `'POST /seats/:id'`: those of `checkpoint.route`, or any of `node:http`. A name after a colon stands
 * for one segment, which is found decoded in `request.params`. The first row that a request meets answers it; HEAD meets the rows of GET.
 */
export type RouterTable = Readonly<Record<string, RequestListener>>

/** A handler made by {@link router}. */
export interface Router {
  (request: IncomingMessage, response: ServerResponse): void
  /** True if the row that such a request meets is exactly once: only then may it be sent a second time. */
  isExactlyOnceAt(method: string, path: string): boolean
}

/**
 * Makes one handler of a table, for `backend.start` or `createServer`. A path that is not in it is answered 404, a method that a path does not
 * have 405, each as `application/problem+json`.
 * @throws CheckpointError OPTIONS_WRONG for a row that is not a method and a path, or can never be met.
 */
export function router(table: RouterTable): Router {
  const rows = new PathTable(table)

  const handle: RequestListener = (request, response) => {
    const path = pathOf(request.url ?? '/')
    const match = rows.find(request.method ?? '', path)
    switch (match.kind) {
      case 'found':
        return match.handler(Object.assign(request, { params: match.params }), response)
      case 'malformed':
        return send(response, problem(400, 'Bad Request', { detail: `${path} is not properly percent-encoded` }))
      case 'none':
        return send(response, problem(404, 'Not Found', { detail: `there is no ${path}` }))
      case 'other methods': {
        const detail = `${path} takes ${match.allowed.join(', ')}`
        const { headers, ...rest } = problem(405, 'Method Not Allowed', { detail })
        return send(response, { ...rest, headers: { ...headers, allow: match.allowed.join(', ') } })
      }
    }
  }

  const isExactlyOnceAt = (method: string, path: string): boolean => {
    const match = rows.find(method, path)
    return match.kind === 'found' && isExactlyOnce(match.handler)
  }
  return Object.assign(handle, { isExactlyOnceAt })
}

/** The path of a request target as it stands, also of one in absolute form (RFC 9112 3.2.2). */
export function pathOf(target: string): string {
  const [path = '/'] = target.split(/[?#]/, 1)
  return path.startsWith('/') ? path : path.replace(/^https?:\/\/[^/]*/i, '') || '/'
}

function send(response: ServerResponse, { status = 500, headers, body }: RouteResponse): void {
  response.writeHead(status, headers).end(JSON.stringify(body))
}
