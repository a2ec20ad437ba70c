/** Traffic around each failover: plots, what they show in words, and their figures as a table. */
import { html } from 'htm/preact'
import { useMemo } from 'preact/hooks'
import type { Board, TrafficPoint } from '../board.ts'
import { PlotCanvas } from './plot-canvas.ts'
import { plotKinds, plotText, thinned } from './plot-data.ts'
import { clockText, figureText, spanText, wholeText } from './words.ts'

const tableEveryMs = 5_000
const tableRows = 24

export function Plots({ board, nowMs }: { board: Board; nowMs: number }) {
  const { traffic, reigns } = board
  return html`
    <section class="card plots" aria-labelledby="plots-title">
      <div class="card-head">
        <h2 id="plots-title">What clients notice</h2>
        <p class="faint"><span class="key key-failover" aria-hidden="true"></span> failover <span class="key key-handover" aria-hidden="true"></span> handover</p>
      </div>
      ${
        traffic.length === 0
          ? html`<p class="empty">No balancer has told figures yet.</p>`
          : html`
              <div class="figures">
                ${plotKinds.map(
                  (kind) => html`
                    <figure key=${kind.title}>
                      <figcaption>${kind.title} <span class="faint">${kind.unit}</span></figcaption>
                      <${PlotCanvas} kind=${kind} traffic=${traffic} reigns=${reigns} nowMs=${nowMs} />
                      <p class="spoken">${plotText(kind, traffic)}</p>
                    </figure>
                  `,
                )}
              </div>
              <${TrafficTable} traffic=${traffic} />
            `
      }
    </section>
  `
}

function TrafficTable({ traffic }: { traffic: readonly TrafficPoint[] }) {
  const rows = useMemo(() => thinned(traffic, tableEveryMs, tableRows), [traffic])
  return html`
    <details class="as-table">
      <summary>The same as a table</summary>
      <div class="scrolling" role="region" aria-label="Traffic" tabindex="0">
        <table>
          <caption>All balancers together, one row for every five seconds, newest first.</caption>
          <thead>
            <tr><th scope="col">Time</th><th scope="col">Requests/s</th><th scope="col">Errors/s</th><th scope="col">p50</th><th scope="col">p99</th><th scope="col">Held</th></tr>
          </thead>
          <tbody>
            ${rows.map(
              ({ atMs, requestsPerSecond, errorsPerSecond, p50Ms, p99Ms, held }) => html`
                <tr key=${atMs}>
                  <th scope="row">${clockText(atMs)}</th><td>${figureText(requestsPerSecond)}</td><td>${figureText(errorsPerSecond)}</td>
                  <td>${spanText(p50Ms)}</td><td>${spanText(p99Ms)}</td><td>${wholeText(held)}</td>
                </tr>
              `,
            )}
          </tbody>
        </table>
      </div>
    </details>
  `
}
