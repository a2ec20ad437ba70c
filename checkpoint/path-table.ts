/** Which row of a table a method and a path meet: `'POST /seats/:id'`. Pure. */
import { CheckpointError } from './errors.ts'

/** A row that was met, with its parameters decoded; which methods the path has instead; or nothing. */
export type Match<H> =
  | { readonly kind: 'found'; readonly handler: H; readonly params: Readonly<Record<string, string>> }
  | { readonly kind: 'other methods'; readonly allowed: readonly string[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'malformed' }

interface Row<H> {
  readonly method: string
  /** Text to be met as it is, or `:name`. */
  readonly segments: readonly string[]
  readonly handler: H
}

const rowPattern = /^([A-Z]+) (\/\S*)$/

export class PathTable<H> {
  readonly #rows: readonly Row<H>[]

  /** @throws CheckpointError OPTIONS_WRONG for a row that is not `METHOD /path`, or that none can meet because an earlier one meets all of its. */
  constructor(table: Readonly<Record<string, H>>) {
    const seen = new Map<string, string>()
    this.#rows = Object.entries(table).map(([text, handler]) => {
      const [, method, path] = rowPattern.exec(text) ?? []
      if (method === undefined || path === undefined || path.includes('?'))
        throw new CheckpointError(
          'OPTIONS_WRONG',
          `the route '${text}' should be a method and a path, as in 'POST /seats/:id'`,
        )
      const shape = `${method} ${path.replace(/\/:[^/]+/g, '/:')}`
      const earlier = seen.get(shape)
      if (earlier !== undefined)
        throw new CheckpointError(
          'OPTIONS_WRONG',
          `the route '${text}' is never met: '${earlier}' takes all of its requests`,
        )
      seen.set(shape, text)
      return { method, segments: path.split('/'), handler }
    })
  }

  /** The first row that a request meets. HEAD meets the rows of GET; a parameter meets one segment that is not empty. */
  find(method: string, path: string): Match<H> {
    const given = path.split('/')
    const rows = this.#rows.filter(({ segments }) => meets(segments, given))
    const row =
      rows.find((candidate) => candidate.method === method) ??
      (method === 'HEAD' ? rows.find((candidate) => candidate.method === 'GET') : undefined)
    if (row) return found(row, given)
    if (rows.length === 0) return { kind: 'none' }
    const allowed = new Set(rows.flatMap((each) => (each.method === 'GET' ? ['GET', 'HEAD'] : [each.method])))
    return { kind: 'other methods', allowed: [...allowed].sort() }
  }
}

function meets(segments: readonly string[], given: readonly string[]): boolean {
  if (segments.length !== given.length) return false
  return segments.every((segment, index) => (segment.startsWith(':') ? given[index] !== '' : segment === given[index]))
}

function found<H>({ segments, handler }: Row<H>, given: readonly string[]): Match<H> {
  const params: Record<string, string> = Object.create(null)
  try {
    for (const [index, segment] of segments.entries())
      if (segment.startsWith(':')) params[segment.slice(1)] = decodeURIComponent(given[index]!)
  } catch {
    return { kind: 'malformed' } // a lone percent sign
  }
  return { kind: 'found', handler, params }
}
