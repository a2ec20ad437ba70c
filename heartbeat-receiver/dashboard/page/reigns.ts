/** The story: who led when, and each change of active as a bar from the first evidence to the first answer. */
import { html } from 'htm/preact'
import type { Board, BoardReign } from '../board.ts'
import { laneBlocks, laneStretchMs, laneTicks } from './reign-lane.ts'
import { barScaleMs, type ReignStory, reignStory, type StepName, stepPlace } from './reign-steps.ts'
import { agoText, clockText, countOf, sentence, spanText } from './words.ts'

/** Changes that are drawn as bars; the table has all of them. */
const barsShown = 6

export function Reigns({ board, nowMs }: { board: Board; nowMs: number }) {
  const changes = board.reigns.filter(({ previous }) => previous !== null).reverse()
  const shown = changes.slice(0, barsShown).map((reign) => ({ reign, story: reignStory(reign, nowMs) }))
  const scaleMs = barScaleMs(shown.map(({ story }) => story.totalMs))
  return html`
    <section class="card reigns" aria-labelledby="reigns-title">
      <div class="card-head">
        <h2 id="reigns-title">Who led when</h2>
        <p class="faint">${countOf(changes.length, 'change')} of active</p>
      </div>
      <${Lanes} board=${board} nowMs=${nowMs} />
      ${
        shown.length === 0
          ? html`<p class="empty">No failover and no handover so far. When the active dies, each step is shown here: decided, ready, first answer.</p>`
          : html`
              <ol class="changes">
                ${shown.map(({ reign, story }) => html`<${Change} key=${`${reign.shard}/${reign.epoch}`} reign=${reign} story=${story} scaleMs=${scaleMs} nowMs=${nowMs} board=${board} />`)}
              </ol>
              <p class="axis faint" aria-hidden="true"><span>first sign</span><span>${spanText(scaleMs / 2)}</span><span>${spanText(scaleMs)}</span></p>
            `
      }
      ${board.reigns.length > 0 && html`<${ReignTable} reigns=${board.reigns} nowMs=${nowMs} />`}
    </section>
  `
}

function Lanes({ board, nowMs }: { board: Board; nowMs: number }) {
  const stretchMs = laneStretchMs(board.reigns, nowMs)
  return html`
    <div class="lanes" role="img" aria-label=${`Who led in the last ${spanText(stretchMs)}. The table of reigns below says the same.`}>
      ${board.shards.map(({ shard }) => {
        const reigns = board.reigns.filter((reign) => reign.shard === shard)
        return html`
          <div class="lane" key=${shard}>
            ${board.shards.length > 1 && html`<span class="lane-name faint">shard ${shard}</span>`}
            <div class="blocks">
              ${laneBlocks(reigns, nowMs, stretchMs).map(
                ({ epoch, name, left, width, open, planned, change }) => html`
                  <span key=${epoch} class=${`block ${open ? 'open' : ''} ${change ? (planned ? 'by-handover' : 'by-failover') : ''}`}
                    title=${`${name}, epoch ${epoch}`} style=${{ left: `${left.toFixed(2)}%`, width: `${width.toFixed(2)}%` }}>
                    <span class="block-name">${name} <span class="epoch">${epoch}</span></span>
                  </span>
                `,
              )}
            </div>
          </div>
        `
      })}
      <div class="ticks faint">
        ${laneTicks(stretchMs).map(({ left, text }) => html`<span key=${left} style=${{ left: `${left}%` }}>${text}</span>`)}
      </div>
    </div>
  `
}

interface ChangeProps {
  readonly reign: BoardReign
  readonly story: ReignStory
  readonly scaleMs: number
  readonly nowMs: number
  readonly board: Board
}

function Change({ reign, story, scaleMs, nowMs, board }: ChangeProps) {
  const { previous, name, epoch, shard, reason, held } = reign
  return html`
    <li class=${`change change-${story.kind}`} data-epoch=${epoch}>
      <div class="change-head">
        <h3>
          <span class="kind">${story.kind === 'handover' ? '⇄ Handover' : '⚡︎ Failover'}</span>${' '}
          ${previous} <span aria-hidden="true">→</span><span class="spoken">to</span> ${name}
        </h3>
        <p class="total"><${Total} story=${story} /></p>
      </div>
      <p class="faint">
        ${agoText(nowMs - reign.detectedAtMs)} · epoch ${epoch}${board.shards.length > 1 && ` · shard ${shard}`} · ${reason}
      </p>
      <div class="bar" role="img" aria-label=${`Steps: ${stepsText(story)}`}>
        ${story.steps.map((step) => {
          const { left, width } = stepPlace(step, scaleMs)
          return html`<span key=${step.name} class=${`step step-${classOf(step.name)}`} style=${{ left: `${left}%`, width: `${width}%` }}></span>`
        })}
      </div>
      <ul class="steps">
        <li><span class="swatch swatch-detected" aria-hidden="true"></span>detected <b>0 ms</b></li>
        ${story.steps.map(({ name: step, toMs }) => html`<li key=${step}><span class=${`swatch step-${classOf(step)}`} aria-hidden="true"></span>${step} <b>${spanText(toMs)}</b></li>`)}
        ${story.missing.map((step) => html`<li key=${step} class="faint"><span class="swatch" aria-hidden="true"></span>${step} ${missingText(step, story)}</li>`)}
        ${held !== null && html`<li class="waited">${countOf(held, 'request')} waited</li>`}
      </ul>
    </li>
  `
}

function Total({ story: { outcome, totalMs } }: { story: ReignStory }) {
  if (outcome === 'under way') return html`<span class="working">under way…</span>`
  if (outcome === 'ended') return html`never ready`
  const [value, unit, ...rest] = spanText(totalMs).split(' ')
  return html`<strong>${value}</strong> ${[unit, ...rest].join(' ')}`
}

function missingText(step: StepName, { outcome }: ReignStory): string {
  if (outcome === 'under way') return '…'
  return step === 'first answer' && outcome === 'ready' ? 'nobody asked' : 'never'
}

function stepsText({ steps }: ReignStory): string {
  return ['detected at 0 ms', ...steps.map(({ name, toMs }) => `${name} after ${spanText(toMs)}`)].join(', ')
}

function classOf(step: StepName): string {
  return step.replace(' ', '-')
}

function ReignTable({ reigns, nowMs }: { reigns: readonly BoardReign[]; nowMs: number }) {
  const cell = (reign: BoardReign, atMs: number | null) => (atMs === null ? '–' : spanText(atMs - reign.detectedAtMs))
  return html`
    <details class="as-table">
      <summary>All reigns as a table</summary>
      <div class="scrolling" role="region" aria-label="Reigns" tabindex="0">
        <table>
          <caption>The last ${countOf(reigns.length, 'reign')}, newest first. Steps count from the first sign that something was wrong, or from the request for a handover.</caption>
          <thead>
            <tr><th scope="col">Epoch</th><th scope="col">Backend</th><th scope="col">After</th><th scope="col">Began</th><th scope="col">Led for</th>
              <th scope="col">Decided</th><th scope="col">Ready</th><th scope="col">First answer</th><th scope="col">Waited</th><th scope="col">Why</th></tr>
          </thead>
          <tbody>
            ${reigns.toReversed().map(
              (reign) => html`
                <tr key=${`${reign.shard}/${reign.epoch}`}>
                  <th scope="row">${reign.epoch}</th><td>${reign.name}</td><td>${reign.previous ?? '–'}</td>
                  <td>${clockText(reign.decidedAtMs, true)}</td><td>${spanText((reign.endedAtMs ?? nowMs) - reign.decidedAtMs)}</td>
                  <td>${cell(reign, reign.decidedAtMs)}</td><td>${cell(reign, reign.readyAtMs)}</td><td>${cell(reign, reign.firstAnswerAtMs)}</td>
                  <td>${reign.held ?? '–'}</td><td class="why">${sentence(reign.reason)}</td>
                </tr>
              `,
            )}
          </tbody>
        </table>
      </div>
    </details>
  `
}
