/** Says what is wrong with what became of a case. Pure. */
import type { ArrivedRequest } from './arrived-requests.ts'
import { type Expectation, hostLine, type MalformedCase, type Meaning, meaning } from './malformed-case.ts'
import type { RawReply } from './raw-client.ts'
import type { Recorded } from './recording-upstream.ts'

/** What a client might have hidden, or simply sends next. */
export const canary = `GET /canary HTTP/1.1\r\n${hostLine}\r\n`
export const canaryMeaning = meaning({ target: '/canary' })

/** The case with a good request after it: it is served if the connection may go on, and never after a fault. */
export function withCanary(given: MalformedCase): MalformedCase {
  const { expectation } = given
  const goesOn = expectation.type === 'passed' && expectation.connection === 'open'
  const after: Expectation = goesOn
    ? { ...expectation, requests: [...expectation.requests, canaryMeaning] }
    : expectation
  return { ...given, bytes: given.bytes + canary, expectation: after }
}

/** Everything that is wrong, in one line each; empty if nothing is. */
export function judge({ expectation }: MalformedCase, reply: RawReply, arrived: Recorded): string[] {
  const expected = expectation.type === 'passed' ? expectation.requests : expectation.before
  const wrong = [
    ...arrived.violations.map((violation) => `reached the backend: ${violation}`),
    ...(reply.end === 'closed' ? [] : [`the connection is ${reply.end}`]),
    ...wrongStatuses(expectation, reply.statuses),
  ]
  if (arrived.requests.length !== expected.length) {
    const targets = arrived.requests.map(({ method, target }) => `${method} ${target}`)
    wrong.push(`${arrived.requests.length} requests reached the backend, not ${expected.length}: ${targets.join(', ')}`)
  }
  for (const [index, wanted] of expected.entries()) {
    const request = arrived.requests[index]
    if (request) wrong.push(...differences(wanted, request))
  }
  return wrong
}

function wrongStatuses(expectation: Expectation, statuses: number[]): string[] {
  if (expectation.type === 'passed') {
    const right = statuses.length === expectation.requests.length && statuses.every((status) => status === 200)
    return right ? [] : [`answers ${statuses.join(' ') || 'none'}, expected ${expectation.requests.length} of 200`]
  }
  const before = expectation.before.length
  const last = statuses[before]
  const right =
    statuses.length === before + 1 &&
    statuses.slice(0, before).every((status) => status === 200) &&
    expectation.statuses.includes(last!)
  return right ? [] : [`answers ${statuses.join(' ') || 'none'}, expected ${expectation.statuses.join(' or ')}`]
}

function differences(wanted: Meaning, request: ArrivedRequest): string[] {
  const wrong: string[] = []
  const same = (what: string, expected: string, actual: string | undefined) => {
    if (expected !== actual) wrong.push(`${what} is ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`)
  }
  same('method', wanted.method, request.method)
  same('target', wanted.target, request.target)
  same('body', wanted.body, request.body)
  if (wanted.host !== null) same('host', wanted.host, request.headers.get('host'))
  for (const [name, value] of Object.entries(wanted.has ?? {})) same(name, value, request.headers.get(name))
  for (const name of wanted.lacks ?? []) {
    if (request.headers.has(name)) wrong.push(`${name} arrived: ${request.headers.get(name)}`)
  }
  return wrong
}
