/** Input of a route, checked before anything is read or changed. */
import { z } from 'zod'
import { problem, type RouteHandler, type RouteResponse } from '../../backend/index.ts'

/** A name in a path or body: a seat, a user, a counter, a register. */
export const name = z.string().min(1).max(128)

/** Deeper values are refused: the state is walked by recursion. */
const depthMax = 32

/** Any JSON value; its size is bounded by the size of a body. */
export const jsonValue = z
  .unknown()
  .refine((value) => value !== undefined, 'required')
  .refine((value) => isShallow(value, depthMax), `nested more than ${depthMax} deep`)

function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return depth > 0 && Object.values(value).every((inner) => isShallow(inner, depth - 1))
}

interface Schemas<Params, Query, Body> {
  params?: z.ZodType<Params>
  query?: z.ZodType<Query>
  body?: z.ZodType<Body>
}

const anything = z.unknown()

/** What a route takes. */
export type Input<Params, Query, Body> = z.ZodType<{ params: Params; query: Query; body: Body }>

/** Describes what a route takes; anything where nothing is said. Once for all who offer the route: a schema is compiled for each. */
export function inputOf<Params, Query, Body>(schemas: Schemas<Params, Query, Body>): Input<Params, Query, Body> {
  const input = z.object({
    params: schemas.params ?? (anything as z.ZodType<Params>),
    query: schemas.query ?? (anything as z.ZodType<Query>),
    body: schemas.body ?? (anything as z.ZodType<Body>),
  })
  // A schema is compiled when it first checks something: that is not to be the first request after a failover.
  input.safeParse({ params: {}, query: {}, body: {} })
  return input as Input<Params, Query, Body>
}

/** A handler that runs `work` on input as described, and answers 400 to any other. */
export function checked<Params, Query, Body>(
  input: Input<Params, Query, Body>,
  work: (params: Params, query: Query, body: Body) => RouteResponse,
): RouteHandler {
  return ({ params, query, body }) => {
    const found = input.safeParse({ params, query, body })
    if (!found.success) return badRequest(found.error)
    const { params: goodParams, query: goodQuery, body: goodBody } = found.data
    return work(goodParams, goodQuery, goodBody)
  }
}

/** 400, with a line for each thing that is wrong. */
export function badRequest(error: z.ZodError): RouteResponse {
  const detail = error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')
  return problem(400, 'Bad Request', { detail })
}
