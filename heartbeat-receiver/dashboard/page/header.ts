/** The bar at the top: whose dashboard it is, and whether it is live. */
import { html } from 'htm/preact'
import type { LinkState } from './link-state.ts'
import type { PageState } from './live-board.ts'

const linkWords: Record<LinkState['kind'], { sign: string; word: string }> = {
  connecting: { sign: '◌', word: 'Connecting' },
  live: { sign: '●', word: 'Live' },
  lost: { sign: '✕', word: 'No connection' },
  token: { sign: '✱', word: 'Token needed' },
}

export function Header({ state: { link, board } }: { state: PageState }) {
  const { sign, word } = linkWords[link.kind]
  return html`
    <header class="top">
      <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
        <path d="M2 17h8l3-9 5 16 4-11 2 4h6" />
      </svg>
      <h1>Heartline</h1>
      ${
        board !== null &&
        html`<p class="whose"><span>${board.receiver.name}</span> <span class="faint">version ${board.receiver.version}</span></p>`
      }
      <p class=${`link link-${link.kind}`} role="status"><span aria-hidden="true">${sign}</span> ${word}</p>
    </header>
  `
}
