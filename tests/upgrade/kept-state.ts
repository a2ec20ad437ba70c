/** A small service on an embedded journal, run with the library of any version: what one version wrote is asked for with another. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pino } from 'pino'

/** `checkpoint/index.ts` of some version. */
export type Library = typeof import('../../checkpoint/index.ts')

/** The service, and what can be asked of it. */
export interface KeptState {
  /** Counts up; the same key, or the same number of a session, gets the same answer again. */
  increment(counter: string, headers?: Record<string, string>): Promise<Asked>
  /** Opens a session, as a balancer does. */
  openSession(): Promise<string>
  read(counter: string): Promise<Asked>
  /** Until a snapshot is there that is newer than the one that was waited for before. */
  untilSnapshot(): Promise<void>
  /** Until the journal has no beginning any more: who reads it must have read a snapshot. */
  untilTruncated(): Promise<void>
  close(): Promise<void>
}

export interface Asked {
  readonly status: number
  readonly body: unknown
  /** True if the answer was recorded before, under an `Idempotency-Key`. */
  readonly replayed: boolean
}

const year = 365 * 24 * 3_600_000
/** So small a tail that a few writes are worth a snapshot; and nothing is forgotten, however old a file is. */
const limits = { snapshotTailBytes: 2_000, snapshotDelayMs: 0, keyAgeMs: 100 * year, sessionIdleMs: 100 * year }
const snapshotPatienceMs = 20_000

/** Begins to lead upon what is in `directory`. @throws CheckpointError if it cannot be read */
export async function openState(library: Library, directory: string): Promise<KeptState> {
  const { createCheckpoint, journalPorts, router, routes } = library
  const log = pino({ level: 'silent' })
  const ports = journalPorts({ kafka: [`file:${directory}`], topic: 'state' })
  const checkpoint = createCheckpoint({ ...ports, node: 'keeper', log, limits, standbys: () => 0 })
  const counters = checkpoint.map<number>('counters')
  try {
    await checkpoint.start()
    checkpoint.lead()
    if (!(await checkpoint.whenLeading(10_000))) throw new Error('it does not lead')
  } catch (error) {
    await checkpoint.close()
    throw error
  }

  const { route, openSession } = routes(checkpoint, { node: 'keeper', log })
  const server = createServer(
    router({
      'POST /counters/:name': route(({ params: { name } }) => {
        counters.set(name, (counters.get(name) ?? 0) + 1)
        return { status: 201, headers: { 'x-counted': name }, body: { name, value: counters.get(name) } }
      }),
      'GET /counters/:name': route(({ params: { name } }) => ({ body: counters.get(name) ?? null })),
      'DELETE /counters/:name': route(({ params: { name } }) => ({ body: counters.delete(name) })),
      'POST /sessions': openSession,
    }),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  let snapshotOffset = 0
  const ask = async (method: string, path: string, headers: Record<string, string> = {}): Promise<Asked> => {
    const answer = await fetch(base + path, { method, headers })
    const { status } = answer
    return { status, body: await answer.json(), replayed: answer.headers.get('idempotency-replayed') === 'true' }
  }
  return {
    increment: (counter, headers) => ask('POST', `/counters/${counter}`, headers),
    read: (counter) => ask('GET', `/counters/${counter}`),
    openSession: async () => ((await ask('POST', '/sessions')).body as { session: string }).session,
    untilSnapshot: async () => {
      await until(() => (checkpoint.status().snapshot?.newest?.offset ?? 0) > snapshotOffset, 'a snapshot')
      snapshotOffset = checkpoint.status().snapshot!.newest!.offset
    },
    untilTruncated: () => until(() => journalStart(directory) > 0, 'the truncation of the journal'),
    close: async () => {
      server.close()
      server.closeAllConnections()
      await checkpoint.close()
    },
  }
}

/** Where the journal in a directory begins. */
export function journalStart(directory: string): number {
  const database = new DatabaseSync(join(directory, 'state.sqlite'), { readOnly: true })
  try {
    return Number(database.prepare('SELECT first FROM truncation').get()!.first)
  } finally {
    database.close()
  }
}

async function until(done: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + snapshotPatienceMs
  while (!done()) {
    if (performance.now() > deadlineMs) throw new Error(`waited ${snapshotPatienceMs} ms for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** What is written by one version and asked for with another. */
export const written = {
  /** How far the counter `a` came before the snapshot, and after it. */
  beforeSnapshot: 40,
  afterSnapshot: 3,
  /** Both were sent once, after the snapshot and before it. */
  keys: { before: 'a key before the snapshot', after: 'a key after the snapshot' },
  session: '1',
} as const

/** Headers of a request under an `Idempotency-Key`; and of a request of a session, with its number, as a balancer sends it. */
export const underKey = (key: string) => ({ 'idempotency-key': key })
export const inSession = (session: string, number: number) => ({ 'x-heartline-request': `${session} ${number} 1 1 0` })

/** Writes all that {@link written} tells of. */
export async function writeState(state: KeptState): Promise<void> {
  const { beforeSnapshot, afterSnapshot, keys } = written
  const session = await state.openSession()
  if (session !== written.session) throw new Error(`the session is ${session}, and the directory was not empty`)
  await state.increment('keyed', underKey(keys.before))
  await state.increment('numbered', inSession(session, 1))
  for (let snapshots = 0; snapshots < 2; snapshots++) {
    for (let count = 0; count < beforeSnapshot / 2; count++) await state.increment('a')
    await state.untilSnapshot()
  }
  await state.untilTruncated()
  await state.increment('keyed', underKey(keys.after))
  await state.increment('numbered', inSession(session, 2))
  for (let count = 0; count < afterSnapshot; count++) await state.increment('a')
}
