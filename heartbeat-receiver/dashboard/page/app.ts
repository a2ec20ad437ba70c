/** The page as a whole. */
import { html } from 'htm/preact'
import { useCallback, useState } from 'preact/hooks'
import { Banner } from './banner.ts'
import { CrashLog } from './crash-log.ts'
import { Dialog, type DialogView } from './dialog.ts'
import { Figures } from './figures.ts'
import { Header } from './header.ts'
import type { PageState } from './live-board.ts'
import { Plots } from './plots.ts'
import type { Pulses } from './pulses.ts'
import { Reigns } from './reigns.ts'
import type { Outcome } from './requests.ts'
import { summaryOf } from './summary.ts'
import { TokenForm } from './token-form.ts'
import { Topology } from './topology.ts'
import { compactFrom } from './topology-plan.ts'

interface AppProps {
  readonly state: PageState
  readonly pulses: Pulses
  readonly reconnect: () => void
}

export function App({ state, pulses, reconnect }: AppProps) {
  const { link, board, nowMs } = state
  const [view, show] = useState<DialogView | null>(null)
  const [outcome, tell] = useState<Outcome | null>(null)
  const many = (board?.backends.length ?? 0) >= compactFrom // the grid would push the story out of sight
  const close = useCallback(() => show(null), [])
  return html`
    <${Header} state=${state} />
    <main class=${link.kind === 'lost' ? 'stale' : ''}>
      ${link.kind === 'token' && html`<${TokenForm} given=${reconnect} />`}
      <${Banner} state=${state} outcome=${outcome} dismiss=${() => tell(null)} />
      ${board === null && link.kind !== 'token' && html`<p class="waiting">Waiting for the receiver…</p>`}
      ${
        board !== null &&
        html`
          <${Figures} board=${board} tally=${state.tally} summary=${summaryOf(board, nowMs)} />
          ${many && html`<${Reigns} board=${board} nowMs=${nowMs} />`}
          <${Topology} board=${board} tally=${state.tally} pulses=${pulses} show=${show} />
          ${!many && html`<${Reigns} board=${board} nowMs=${nowMs} />`}
          <${Plots} board=${board} nowMs=${nowMs} />
          <${CrashLog} crashes=${board.crashes} nowMs=${nowMs} />
        `
      }
    </main>
    ${board !== null && html`<${Dialog} view=${view} board=${board} tally=${state.tally} show=${show} close=${close} tell=${tell} />`}
  `
}
