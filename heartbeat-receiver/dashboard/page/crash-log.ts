/** What died, why, what was done about it, and what a person has to do. */
import { html } from 'htm/preact'
import { useMemo } from 'preact/hooks'
import type { BoardCrash } from '../board.ts'
import { agoText, clockText, countOf, sentence } from './words.ts'

export function CrashLog({ crashes, nowMs }: { crashes: readonly BoardCrash[]; nowMs: number }) {
  const newestFirst = useMemo(() => crashes.toReversed(), [crashes])
  return html`
    <section class="card crashes" aria-labelledby="crashes-title">
      <div class="card-head">
        <h2 id="crashes-title">Crashes</h2>
        <p class="faint">${crashes.length === 0 ? 'none' : countOf(crashes.length, 'crash', 'crashes')}</p>
      </div>
      ${
        crashes.length === 0
          ? html`<p class="empty">None since this receiver was started. One that comes is kept here with its reason, its last lines, and what to do.</p>`
          : html`<ol>${newestFirst.map((crash) => html`<${Crash} key=${crash.id} crash=${crash} nowMs=${nowMs} />`)}</ol>`
      }
    </section>
  `
}

function Crash({ crash, nowMs }: { crash: BoardCrash; nowMs: number }) {
  const { id, atMs, name, reason, proven, lastLines, done, advice } = crash
  return html`
    <li class="crash">
      <div class="crash-head">
        <h3><span aria-hidden="true">✕</span> ${name}</h3>
        <p class="faint"><time datetime=${new Date(atMs).toISOString()}>${clockText(atMs, true)}</time> · ${agoText(nowMs - atMs)}</p>
      </div>
      <p>${sentence(reason)} <span class="badge">${proven ? 'proven dead' : 'taken for dead'}</span></p>
      <p><span class="faint">What was done:</span> ${sentence(done)}</p>
      <p class=${advice === null ? '' : 'advice'}><span class="faint">What to do:</span> ${advice === null ? 'Nothing.' : sentence(advice)}</p>
      ${
        lastLines.length > 0 &&
        html`
          <details>
            <summary>Its last ${countOf(lastLines.length, 'line')}<span class="spoken"> of ${name}</span></summary>
            <pre tabindex="0" role="region" aria-label=${`Last lines of ${name}, crash ${id}`}>${lastLines.join('\n')}</pre>
          </details>
        `
      }
    </li>
  `
}
