/** Below the top: that the connection is lost, and how what was asked for went. */
import { html } from 'htm/preact'
import type { PageState } from './live-board.ts'
import type { Outcome } from './requests.ts'
import { clockText, placeText } from './words.ts'

interface BannerProps {
  readonly state: PageState
  readonly outcome: Outcome | null
  readonly dismiss: () => void
}

export function Banner({ state, outcome, dismiss }: BannerProps) {
  const { link, board } = state
  return html`
    ${
      link.kind === 'lost' &&
      html`
        <section class="banner banner-bad" aria-label="No connection">
          <p>
            <strong>This receiver does not answer.</strong> What you see is how it was at ${clockText(link.sinceMs)}. The page connects
            again by itself. ${board !== null && html`<${Others} state=${state} />`}
          </p>
        </section>
      `
    }
    <div role="status" class="outcome">
      ${
        outcome !== null &&
        html`
          <div class=${`banner ${outcome.done ? 'banner-good' : 'banner-bad'}`}>
            <p><strong aria-hidden="true">${outcome.done ? '✓' : '✕'}</strong> ${outcome.text}</p>
            <button type="button" class="quiet" onClick=${dismiss}>Dismiss</button>
          </div>
        `
      }
    </div>
  `
}

/** The dashboards of the other receivers, where one can look meanwhile. */
function Others({ state: { board } }: { state: PageState }) {
  const others = board?.receivers.slice(1) ?? []
  if (others.length === 0) return null
  const links = others.map(({ url }) => html` <a href=${url.replace(/^ws/, 'http')}>${placeText(url)}</a>`)
  return html`Others: ${links}`
}
