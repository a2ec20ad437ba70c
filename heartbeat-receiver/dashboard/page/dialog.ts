/** The one dialog: what a backend does right now, or whether something is really meant. */
import { html } from 'htm/preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Board, BoardBackend } from '../board.ts'
import { Buttons, Suspicion } from './backend-card.ts'
import { roleOf } from './backend-role.ts'
import type { BeatTally } from './beat-tally.ts'
import { type Action, type Outcome, perform } from './requests.ts'
import { figureText, placeText, spanText, wholeText } from './words.ts'

export type DialogView =
  | { readonly kind: 'backend'; readonly name: string }
  | { readonly kind: 'confirm'; readonly action: Action }

interface DialogProps {
  readonly view: DialogView | null
  readonly board: Board
  readonly tally: BeatTally
  readonly show: (view: DialogView) => void
  readonly close: () => void
  readonly tell: (outcome: Outcome | null) => void
}

export function Dialog({ view, board, tally, show, close, tell }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    if (view && !dialog.current?.open) dialog.current?.showModal()
    if (!view && dialog.current?.open) dialog.current.close()
    if (view) dialog.current?.querySelector<HTMLElement>('[data-first]')?.focus()
  }, [view])
  const closed = () => {
    close()
    // Who pressed the button may be gone by now, as its backend is.
    if (document.activeElement === document.body) document.getElementById('topology-title')?.focus()
  }
  const backend = view?.kind === 'backend' ? board.backends.find(({ name }) => name === view.name) : undefined
  return html`
    <dialog ref=${dialog} onClose=${closed} aria-labelledby="dialog-title">
      ${view?.kind === 'confirm' && html`<${Confirm} key="confirm" action=${view.action} close=${close} tell=${tell} />`}
      ${
        view?.kind === 'backend' &&
        (backend
          ? html`<${Details} key=${view.name} backend=${backend} beatsPerSecond=${tally.perSecond.get(view.name) ?? 0} can=${board.can} show=${show} close=${close} />`
          : html`<${Gone} name=${view.name} close=${close} />`)
      }
    </dialog>
  `
}

interface ConfirmProps {
  readonly action: Action
  readonly close: () => void
  readonly tell: (outcome: Outcome | null) => void
}

function Confirm({ action, close, tell }: ConfirmProps) {
  const [busy, work] = useState(false)
  const { title, text, button } = question(action)
  const go = async () => {
    work(true)
    tell(null)
    const outcome = await perform(action)
    work(false)
    tell(outcome)
    close()
  }
  return html`
    <h2 id="dialog-title">${title}</h2>
    <p>${text}</p>
    <div class="dialog-buttons">
      <button type="button" data-first onClick=${close}>Cancel</button>
      <button type="button" class=${action.kind === 'kill' ? 'danger-strong' : 'primary'} disabled=${busy} onClick=${go}>${busy ? 'Under way…' : button}</button>
    </div>
  `
}

function question(action: Action): { title: string; text: string; button: string } {
  switch (action.kind) {
    case 'hand over': {
      const to = action.to ?? 'whoever is next in order'
      return {
        title: action.to === null ? `Hand over from ${action.from}?` : `Hand over to ${action.to}?`,
        text: `${to.charAt(0).toUpperCase()}${to.slice(1)} leads from then on, as planned. Requests that come meanwhile are held for a moment; no client notices.`,
        button: 'Hand over',
      }
    }
    case 'drain':
      return {
        title: `Drain ${action.name}?`,
        text: 'It is chosen for nothing from then on, and hands over if it leads. It goes on following the journal until it is undrained or started anew. While it is drained it takes over from nobody, even if all others are lost.',
        button: 'Drain',
      }
    case 'undrain':
      return { title: `Undrain ${action.name}?`, text: 'It may be chosen to lead again.', button: 'Undrain' }
    case 'kill':
      return {
        title: `Kill ${action.name}?`,
        text: 'Its process ends at once, as by kill -9: no goodbye, nothing written. If it leads, another takes over.',
        button: 'Kill it',
      }
  }
}

interface DetailsProps {
  readonly backend: BoardBackend
  readonly beatsPerSecond: number
  readonly can: Board['can']
  readonly show: (view: DialogView) => void
  readonly close: () => void
}

function Details({ backend, beatsPerSecond, can, show, close }: DetailsProps) {
  const rows: [string, string][] = [
    ['State', roleOf(backend).word],
    ['Address', placeText(backend.url)],
    ['Offset', wholeText(backend.offset)],
    ['Lag', `${wholeText(backend.lag)} records`],
    ['In flight', wholeText(backend.inFlight)],
    ['Event-loop delay', spanText(backend.eventLoopDelayMs)],
    ['Heartbeats', `${figureText(beatsPerSecond)}/s`],
    ['Weight', String(backend.weight)],
    ['Incarnation', backend.incarnation.slice(0, 8)],
    ...(backend.gone === null ? [] : [['Gone', backend.gone] as [string, string]]),
  ]
  return html`
    <h2 id="dialog-title">${backend.name}</h2>
    <dl class="details">
      ${rows.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}
    </dl>
    ${backend.alive && html`<${Suspicion} backend=${backend} />`}
    <${Buttons} backend=${backend} can=${can} show=${show} />
    <div class="dialog-buttons"><button type="button" data-first onClick=${close}>Close</button></div>
  `
}

function Gone({ name, close }: { name: string; close: () => void }) {
  return html`
    <h2 id="dialog-title">${name}</h2>
    <p>It left, and is not shown any more.</p>
    <div class="dialog-buttons"><button type="button" data-first onClick=${close}>Close</button></div>
  `
}
