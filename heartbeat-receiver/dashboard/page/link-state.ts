/** The state of the page's connection to its receiver, and what to do next: pure, driven by `board-source.ts`. */

export type LinkState =
  /** Nothing came yet. */
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  /** It was live. The board that is shown is as old as that. */
  | { readonly kind: 'lost'; readonly sinceMs: number }
  /** The receiver wants a token. */
  | { readonly kind: 'token' }

export type LinkEvent =
  | { readonly type: 'heard' }
  /** The stream broke, or was silent for too long. */
  | { readonly type: 'broke'; readonly atMs: number }
  /** What `GET /api/session` said. */
  | { readonly type: 'session'; readonly needed: boolean; readonly given: boolean }
  | { readonly type: 'token given' }

export function nextLink(state: LinkState, event: LinkEvent): LinkState {
  switch (event.type) {
    case 'heard':
      return state.kind === 'live' ? state : { kind: 'live' }
    case 'broke':
      return state.kind === 'live' ? { kind: 'lost', sinceMs: event.atMs } : state
    case 'session':
      return event.needed && !event.given && state.kind !== 'token' ? { kind: 'token' } : state
    case 'token given':
      return { kind: 'connecting' }
  }
}

const firstRetryMs = 500
const retryMaxMs = 5_000

/** How long to wait before the try with this number, from 0, milliseconds. */
export function retryDelayMs(attempt: number): number {
  return Math.min(retryMaxMs, firstRetryMs * 2 ** Math.min(attempt, 10))
}
