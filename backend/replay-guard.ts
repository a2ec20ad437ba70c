/**
 * Which routes may see a request a second time. Only `checkpoint.route` is exactly once; any other route is refused a replay of a
 * non-idempotent method (RFC 9110 9.2.2), because nobody can know whether the first sending ran. What cannot be told is refused.
 */
import type { Router } from '../checkpoint/index.ts'
import { isExactlyOnce } from '../checkpoint/route.ts'

/** The part of Express 5's router that is looked at. Anything of another shape counts as not exactly once. */
interface Layer {
  match?: (path: string) => false | { path?: string }
  handle?: { stack?: Layer[] }
  route?: { methods?: Record<string, boolean>; stack?: { method?: string; handle?: unknown }[] }
}

/** True if the route that would answer is known to be exactly once. `app` is an Express application, or a handler made by `router` or `checkpoint.route`. */
export function mayReplay(app: unknown, method: string, path: string): boolean {
  if (isExactlyOnce(app)) return true
  const { isExactlyOnceAt } = app as Partial<Router>
  if (typeof isExactlyOnceAt === 'function') return isExactlyOnceAt(method, path)
  const stack = (app as { router?: { stack?: Layer[] } }).router?.stack
  return Array.isArray(stack) && answeredBy(stack, method.toLowerCase(), path) === 'exactly once'
}

function answeredBy(stack: readonly Layer[], method: string, path: string): 'exactly once' | 'other' | 'none' {
  for (const layer of stack) {
    const match = typeof layer.match === 'function' && layer.match(path)
    if (!match) continue
    const found = layer.route ? routeAnswer(layer.route, method) : nestedAnswer(layer, method, path, match.path ?? '')
    if (found !== 'none') return found
  }
  return 'none'
}

function routeAnswer(route: NonNullable<Layer['route']>, method: string): 'exactly once' | 'other' | 'none' {
  if (!route.methods?.[method] && !route.methods?._all) return 'none'
  const handlers = route.stack?.filter((entry) => entry.method === undefined || entry.method === method) ?? []
  return handlers.some(({ handle }) => isExactlyOnce(handle)) ? 'exactly once' : 'other'
}

function nestedAnswer(layer: Layer, method: string, path: string, prefix: string): 'exactly once' | 'other' | 'none' {
  const stack = layer.handle?.stack
  if (!Array.isArray(stack)) return 'none' // plain middleware, which passes the request on
  const rest = path.slice(prefix.length)
  return answeredBy(stack, method, rest.startsWith('/') ? rest : `/${rest}`)
}
