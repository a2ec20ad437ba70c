/** A backend: a card with its trace and figures, or a small cell where there are many. */
import { html } from 'htm/preact'
import { useCallback, useMemo } from 'preact/hooks'
import type { Board, BoardBackend } from '../board.ts'
import { roleOf } from './backend-role.ts'
import type { DialogView } from './dialog.ts'
import type { Pulses } from './pulses.ts'
import { figureText, shareText, wholeText } from './words.ts'

interface CellProps {
  readonly backend: BoardBackend
  readonly show: (view: DialogView) => void
}

interface CardProps extends CellProps {
  readonly beatsPerSecond: number
  readonly pulses: Pulses
  readonly can: Board['can']
  /** Under which it leads; null if it does not. */
  readonly epoch: number | null
}

export function BackendCard({ backend, beatsPerSecond, can, epoch, pulses, show }: CardProps) {
  const { name, alive } = backend
  const { tone, sign, word } = roleOf(backend)
  const trace = useCallback((canvas: HTMLCanvasElement | null) => pulses.trace(name, canvas), [pulses, name])
  return html`
    <li class=${`part backend tone-${tone}`} data-backend=${name}>
      <div class="backend-head">
        <${Heart} name=${name} pulses=${pulses} sign=${sign} />
        <h4>${name}</h4>
        <span class="badge">${word}${epoch !== null && html` <span class="epoch">epoch ${epoch}</span>`}</span>
      </div>
      ${
        alive
          ? html`
              <div class="beats">
                <canvas class="trace" ref=${trace} aria-hidden="true"></canvas>
                <span class="rate">${figureText(beatsPerSecond)}<span class="unit"> heartbeats/s</span></span>
              </div>
              <${Suspicion} backend=${backend} />
              <dl>
                <div><dt>offset</dt><dd>${wholeText(backend.offset)}</dd></div>
                <div class=${backend.lag > 0 ? 'notable' : ''}><dt>lag</dt><dd>${wholeText(backend.lag)}</dd></div>
                <div><dt>in flight</dt><dd>${wholeText(backend.inFlight)}</dd></div>
              </dl>
            `
          : html`<p class="why">${backend.gone ?? 'It is gone.'}</p>`
      }
      <${Buttons} backend=${backend} can=${can} show=${show} />
    </li>
  `
}

/** Changes with each step of a tenth only: there may be hundreds. */
export function BackendCell({ backend, show }: CellProps) {
  const { name } = backend
  const { tone, sign, word } = roleOf(backend)
  const silence = Math.round(Math.min(1, Math.max(0, backend.silence)) * 10) / 10
  return useMemo(
    () => html`
      <li>
        <button type="button" class=${`cell tone-${tone}`} data-backend=${name} title=${`${name}: ${word}`} onClick=${() => show({ kind: 'backend', name })}>
          <span class="heart" aria-hidden="true">${sign}</span>
          <span class="cell-name">${name}</span>
          <span class="spoken">${word}</span>
          <span class="silence" aria-hidden="true"><span style=${{ transform: `scaleX(${silence})` }}></span></span>
        </button>
      </li>
    `,
    [name, tone, sign, word, silence, show],
  )
}

function Heart({ name, pulses, sign }: { name: string; pulses: Pulses; sign: string }) {
  const ring = useCallback((element: HTMLElement | null) => pulses.heart(name, element), [pulses, name])
  return html`<span class="heart" aria-hidden="true"><span class="ring" ref=${ring}></span>${sign}</span>`
}

/** How near it is to being suspected: the share of the silence that is needed, and φ of the detector. */
export function Suspicion({ backend: { name, silence, suspicion } }: { backend: BoardBackend }) {
  const share = Math.min(1, Math.max(0, silence))
  const level = share >= 1 ? 'suspected' : share >= 0.6 ? 'silent' : 'calm'
  return html`
    <div class=${`suspicion suspicion-${level}`}>
      <span class="faint">suspicion</span>
      <div class="meter" role="meter" aria-label=${`Suspicion of ${name}`} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(share * 100)}
        aria-valuetext=${`${shareText(share)} of the silence that makes it suspected`}>
        <span style=${{ transform: `scaleX(${share.toFixed(3)})` }}></span>
      </div>
      <span class="phi">φ ${figureText(suspicion)}</span>
    </div>
  `
}

interface ButtonsProps {
  readonly backend: BoardBackend
  readonly can: Board['can']
  readonly show: (view: DialogView) => void
}

/** What may be asked of it. All of it is asked again in a dialog. */
export function Buttons({ backend, can, show }: ButtonsProps) {
  const { name, alive, active, draining, phase } = backend
  if (!alive) return null
  const confirm = (view: DialogView) => () => show(view)
  const handOver: DialogView = {
    kind: 'confirm',
    action: { kind: 'hand over', from: active ? name : null, to: active ? null : name },
  }
  return html`
    <div class="buttons">
      ${
        can.handOver &&
        (active || phase === 'standby') &&
        html`<button type="button" onClick=${confirm(handOver)} aria-label=${active ? `Hand over from ${name}` : `Hand over to ${name}`}>${active ? 'Hand over' : 'Let it lead'}</button>`
      }
      ${
        can.drain &&
        html`<button type="button" onClick=${confirm({ kind: 'confirm', action: { kind: draining ? 'undrain' : 'drain', name } })} aria-label=${`${draining ? 'Undrain' : 'Drain'} ${name}`}>${draining ? 'Undrain' : 'Drain'}</button>`
      }
      ${
        can.kill &&
        html`<button type="button" class="danger" onClick=${confirm({ kind: 'confirm', action: { kind: 'kill', name } })} aria-label=${`Kill ${name}`}>Kill</button>`
      }
    </div>
  `
}
