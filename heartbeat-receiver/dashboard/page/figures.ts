/** How it stands: a sentence, and the figures that matter most. */
import { html } from 'htm/preact'
import type { Board, BoardBalancer } from '../board.ts'
import type { BeatTally } from './beat-tally.ts'
import type { Summary } from './summary.ts'
import { figureText, spanText, wholeText } from './words.ts'

interface FiguresProps {
  readonly board: Board
  readonly tally: BeatTally
  readonly summary: Summary
}

const toneSigns: Record<Summary['tone'], string> = { well: '✓', changing: '◐', wrong: '!', empty: '◌' }

export function Figures({ board, tally, summary }: FiguresProps) {
  const { tone, headline, detail } = summary
  return html`
    <section class=${`summary tone-${tone}`} aria-labelledby="summary-title">
      <div class="verdict">
        <span class="sign" aria-hidden="true">${toneSigns[tone]}</span>
        <div>
          <h2 id="summary-title">${headline}</h2>
          <p>${detail}</p>
        </div>
      </div>
      <dl class="tiles">
        ${tilesOf(board, tally).map(
          ([name, value, unit]) => html`
            <div key=${name}>
              <dt>${name}</dt>
              <dd>${value}${unit !== '' && html` <span class="unit">${unit}</span>`}</dd>
            </div>
          `,
        )}
      </dl>
    </section>
  `
}

function tilesOf({ balancers, backends }: Board, tally: BeatTally): [name: string, value: string, unit: string][] {
  const told = balancers.flatMap(({ figures }) => figures ?? [])
  const known = told.length > 0
  const sum = (key: keyof NonNullable<BoardBalancer['figures']>) =>
    told.reduce((total, figures) => total + figures[key], 0)
  const [p99, unit] = spanText(Math.max(0, ...told.map(({ p99Ms }) => p99Ms))).split(' ')
  const beats = [...tally.perSecond.values()].reduce((total, perSecond) => total + perSecond, 0)
  const lag = Math.max(0, ...backends.filter(({ alive }) => alive).map((backend) => backend.lag))
  return [
    ['Requests', known ? figureText(sum('requestsPerSecond')) : '–', known ? '/s' : ''],
    ['Errors', known ? figureText(sum('errorsPerSecond')) : '–', known ? '/s' : ''],
    ['Latency p99', known ? p99! : '–', known ? unit! : ''],
    ['Held', known ? wholeText(sum('held')) : '–', ''],
    ['Largest lag', wholeText(lag), 'records'],
    ['Heartbeats', figureText(beats), '/s'],
  ]
}
