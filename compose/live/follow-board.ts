/** Follows the board of an installation: of the receiver that decides, or another, for as long as anybody looks. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type EventSourceMessage, EventSourceParserStream } from 'eventsource-parser/stream'
import type { Board, BoardBeats, BoardChanges } from '../../heartbeat-receiver/dashboard/board.ts'
import { foldBoard } from '../../heartbeat-receiver/dashboard/fold.ts'
import { ComposeError } from '../errors.ts'
import { describeFetchFailure } from '../fetch-failure.ts'
import { receiverHttp } from '../receiver-http.ts'

const answerTimeoutMs = 3_000
/** First pause before it is tried again, doubled up to the last. */
const retryMs = 100
const retryMsMax = 2_000
/** Backends beat ten times a second, and the receiver tells of that several times a second: so long a silence is none of theirs. */
const silenceMs = 3_000
/** With no backend there, there is nothing to tell but that the receiver lives. */
const idleSilenceMs = 40_000
/** One that follows shows less than the one that decides: that one is looked for again after so long. */
const otherLeadsMs = 5_000
/** No board is larger: 20,000 backends at half a kilobyte. */
const eventCharactersMax = 16 * 1024 * 1024

export interface BoardSource {
  /** `ws://` or `http://` URLs of the receivers. */
  readonly receivers: readonly string[]
  readonly token?: string | undefined
  readonly signal: AbortSignal
}

/** What the follower tells, in the order in which it happens. */
export type BoardNews =
  /** The whole board of a receiver, at the beginning and after each change of receiver. */
  | { readonly type: 'board'; readonly receiver: string; readonly board: Board }
  /** `board` is the new one, `before` the one that `changes` changed. */
  | { readonly type: 'changes'; readonly board: Board; readonly before: Board; readonly changes: BoardChanges }
  | { readonly type: 'beats'; readonly beats: BoardBeats }
  /** `receiver` is not heard any more; another one, or it again, is looked for. */
  | { readonly type: 'lost'; readonly receiver: string; readonly reason: string }
  /** No receiver answers; it is tried again. `first` the first time in a row. */
  | { readonly type: 'waiting'; readonly reason: string; readonly first: boolean }

/** Resolves when the signal is aborted. Rejects with `BOARD_REFUSED` if a receiver answers that it will not show a board. */
export async function followBoard(source: BoardSource, listener: (news: BoardNews) => void): Promise<void> {
  const { signal } = source
  let failures = 0
  const tell = (news: BoardNews) => {
    failures = 0
    listener(news)
  }
  while (!signal.aborted) {
    try {
      const receiver = await chooseReceiver(source)
      const reason = await followOne(source, receiver, tell)
      if (signal.aborted) return
      listener({ type: 'lost', receiver, reason })
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof ComposeError) || error.code !== 'NO_RECEIVER') throw error
      listener({ type: 'waiting', reason: error.message, first: failures === 0 })
    }
    const pauseMs = Math.min(retryMsMax, retryMs * 2 ** Math.min(failures++, 8))
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
  }
}

/** The one that decides, or else the first that answers. */
async function chooseReceiver(source: BoardSource): Promise<string> {
  const asked = await Promise.all(source.receivers.map((receiver) => askWhetherItLeads(source, receiver)))
  const index = asked.findIndex(({ leads }) => leads)
  const chosen = source.receivers[index >= 0 ? index : asked.findIndex(({ problem }) => problem === null)]
  if (chosen !== undefined) return chosen
  const reasons = asked.map(({ problem }, place) => `${source.receivers[place]} ${problem}`)
  throw new ComposeError('NO_RECEIVER', `no receiver answers: ${reasons.join('; ')}`)
}

async function askWhetherItLeads(
  { signal }: BoardSource,
  receiver: string,
): Promise<{ leads: boolean; problem: string | null }> {
  try {
    const response = await fetch(`${receiverHttp(receiver)}/readyz`, { signal: withTimeout(signal) })
    const { leads = response.ok } = (await response.json()) as { leads?: boolean }
    return { leads, problem: null }
  } catch (error) {
    return { leads: false, problem: describeFetchFailure(error as Error, answerTimeoutMs) }
  }
}

/** Resolves with why it ended. */
async function followOne(source: BoardSource, receiver: string, listener: (news: BoardNews) => void): Promise<string> {
  const stream = new BoardStream(source, receiver)
  let otherLeadsSinceMs: number | undefined
  let board: Board | undefined
  for await (const message of stream.messages()) {
    const news = newsOf(message, receiver, board)
    if (!news) continue
    listener(news)
    if (news.type !== 'board' && news.type !== 'changes') continue
    board = news.board
    stream.lively = board.backends.some(({ alive }) => alive)
    const other = source.receivers.length > 1 && anotherLeads(board)
    otherLeadsSinceMs = other ? (otherLeadsSinceMs ?? performance.now()) : undefined
    if (performance.now() - (otherLeadsSinceMs ?? Number.POSITIVE_INFINITY) > otherLeadsMs)
      return 'does not decide; another receiver does'
  }
  return stream.end
}

/** Undefined for what this version does not know, and for changes of a board that was never told. */
function newsOf(
  { event, data }: EventSourceMessage,
  receiver: string,
  before: Board | undefined,
): BoardNews | undefined {
  if (event === 'board') return { type: 'board', receiver, board: JSON.parse(data) }
  if (event === 'beats') return { type: 'beats', beats: JSON.parse(data) }
  if (event !== 'changes' || !before) return undefined
  const changes = JSON.parse(data) as BoardChanges
  return { type: 'changes', board: foldBoard(before, changes), before, changes }
}

/** One connection to one receiver. */
class BoardStream {
  /** Whether there is something to be heard of all the time. */
  lively = false
  /** Why it ended, once it has. */
  end = 'ended the connection'
  readonly #source: BoardSource
  readonly #receiver: string
  readonly #leaving = new AbortController()
  #silence: NodeJS.Timeout | undefined

  constructor(source: BoardSource, receiver: string) {
    this.#source = source
    this.#receiver = receiver
  }

  /** Server-sent events until the connection ends, in whatever way. Rejects with `BOARD_REFUSED` only. */
  async *messages(): AsyncGenerator<EventSourceMessage> {
    this.#expect(answerTimeoutMs, `gives no answer within ${answerTimeoutMs} ms`)
    try {
      const body = await this.#open()
      yield* body
        .pipeThrough(new TextDecoderStream())
        .pipeThrough(this.#listening())
        .pipeThrough(new EventSourceParserStream({ onError: 'terminate', maxBufferSize: eventCharactersMax }))
    } catch (error) {
      if (error instanceof ComposeError) throw error
      const { signal } = this.#leaving
      this.end = signal.aborted ? signal.reason.message : describeFetchFailure(error as Error, answerTimeoutMs)
    } finally {
      clearTimeout(this.#silence)
      this.#leaving.abort()
    }
  }

  /** Comments count too: who sends them lives. */
  #listening(): TransformStream<string, string> {
    return new TransformStream({
      transform: (text, controller) => {
        const limitMs = this.lively ? silenceMs : idleSilenceMs
        this.#expect(limitMs, `was silent for ${limitMs / 1_000} s`)
        controller.enqueue(text)
      },
    })
  }

  #expect(limitMs: number, problem: string): void {
    clearTimeout(this.#silence)
    this.#silence = setTimeout(() => this.#leaving.abort(new Error(problem)), limitMs)
  }

  async #open(): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    const { token, signal } = this.#source
    const response = await fetch(`${receiverHttp(this.#receiver)}/api/board/events`, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.any([signal, this.#leaving.signal]),
    })
    if (response.ok && response.body) return response.body
    await response.body?.cancel()
    const refusal = refusals[response.status]
    if (refusal) throw new ComposeError('BOARD_REFUSED', `${this.#receiver} ${refusal}`)
    throw new Error(`answers ${response.status}`)
  }
}

/** What does not get better by asking again. */
const refusals: Readonly<Record<number, string>> = {
  401: 'refuses: wrong or missing token; hand it over as HEARTLINE_TOKEN',
  404: 'has no board: it is of an older version, or is no receiver',
}

function anotherLeads({ receivers }: Board): boolean {
  return receivers[0]?.leads === false && receivers.slice(1).some(({ leads, reachable }) => leads && reachable)
}

function withTimeout(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(answerTimeoutMs)])
}
