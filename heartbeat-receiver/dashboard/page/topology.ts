/** Who is there and how they are joined: balancers, backends, the journal, the receivers. */
import { html } from 'htm/preact'
import { useCallback, useEffect } from 'preact/hooks'
import type { Board, BoardBackend, BoardBalancer, BoardJournal, BoardReceiver } from '../board.ts'
import { BackendCard, BackendCell } from './backend-card.ts'
import type { BeatTally } from './beat-tally.ts'
import type { DialogView } from './dialog.ts'
import type { Pulses } from './pulses.ts'
import { type Column, cardCentres, columnHeight, compactFrom, link } from './topology-plan.ts'
import { countOf, figureText, placeText, spanText, wholeText } from './words.ts'

interface TopologyProps {
  readonly board: Board
  readonly tally: BeatTally
  readonly pulses: Pulses
  readonly show: (view: DialogView) => void
}

/** As in topology.css, pixels. */
const cardHeight = { balancer: 96, backend: 148, far: 96 } as const
const gap = 14

export function Topology(props: TopologyProps) {
  const { board } = props
  const compact = board.backends.length >= compactFrom
  return html`
    <section class=${`card topology ${compact ? 'compact' : 'roomy'}`} aria-labelledby="topology-title">
      <div class="card-head">
        <h2 id="topology-title" tabindex="-1">Who is there</h2>
        <p class="faint">${aliveText(board)}</p>
      </div>
      ${compact ? html`<${Compact} ...${props} />` : html`<${Roomy} ...${props} />`}
    </section>
  `
}

function aliveText({ backends, balancers, receivers }: Board): string {
  const alive = backends.filter((backend) => backend.alive).length
  return [countOf(balancers.length, 'balancer'), countOf(alive, 'backend'), countOf(receivers.length, 'receiver')].join(
    ' · ',
  )
}

function Roomy({ board, tally, pulses, show }: TopologyProps) {
  const { balancers, backends, receivers, journal } = board
  const near = { count: Math.max(1, balancers.length), cardHeight: cardHeight.balancer, gap }
  const middle = { count: Math.max(1, backends.length), cardHeight: cardHeight.backend, gap }
  const far = { count: 1 + receivers.length, cardHeight: cardHeight.far, gap }
  const height = Math.max(...[near, middle, far].map(columnHeight))
  return html`
    <div class="columns">
      <div class="column near">
        <h3>Balancers</h3>
        <${Balancers} balancers=${balancers} />
      </div>
      <${Requests} board=${board} near=${near} middle=${middle} height=${height} />
      <div class="column middle">
        <h3>Backends</h3>
        <ul>
          ${backends.map(
            (backend) => html`
              <${BackendCard} key=${backend.name} backend=${backend} beatsPerSecond=${tally.perSecond.get(backend.name) ?? 0} can=${board.can}
                epoch=${epochOf(board, backend)} pulses=${pulses} show=${show} />
            `,
          )}
          ${backends.length === 0 && html`<li class="part absent"><p>No backend yet.</p></li>`}
        </ul>
      </div>
      <${Following} board=${board} middle=${middle} far=${far} height=${height} />
      <div class="column far">
        <h3>Journal and receivers</h3>
        <div class="first"><${Journal} journal=${journal} backends=${backends} /></div>
        <${Receivers} receivers=${receivers} />
      </div>
    </div>
    <p class="legend faint" aria-hidden="true">
      <span class="key key-flow"></span> requests and commits <span class="key key-tail"></span> follows the journal
      <span class="key key-beats"></span> heartbeats
    </p>
  `
}

function Compact({ board, pulses, show }: TopologyProps) {
  const glow = useCallback((canvas: HTMLCanvasElement | null) => pulses.glow(canvas), [pulses])
  const names = board.backends.map(({ name }) => name).join(' ')
  useEffect(() => pulses.moved(), [pulses, names])
  const { balancers, backends, receivers, journal } = board
  return html`
    <div class="rows">
      <div><h3>Balancers</h3><${Balancers} balancers=${balancers} /></div>
      <div><h3>Journal</h3><${Journal} journal=${journal} backends=${backends} /></div>
      <div><h3>Receivers</h3><${Receivers} receivers=${receivers} /></div>
    </div>
    <h3>Backends</h3>
    <div class="grid">
      <canvas class="glow" ref=${glow} aria-hidden="true"></canvas>
      <ul class="cells">
      ${backends.map(
        (backend) => html`
          <${BackendCell} key=${backend.name} backend=${backend} show=${show} />
        `,
      )}
    </ul>
    </div>
  `
}

function Balancers({ balancers }: { balancers: readonly BoardBalancer[] }) {
  return html`
    <ul>
      ${balancers.map(
        ({ name, figures }) => html`
          <li class="part balancer" key=${name}>
            <h4>${name}</h4>
            ${
              figures === null
                ? html`<p class="faint">tells no figures</p>`
                : html`
                    <dl>
                      <div><dt>requests</dt><dd>${figureText(figures.requestsPerSecond)}/s</dd></div>
                      <div><dt>p99</dt><dd>${spanText(figures.p99Ms)}</dd></div>
                      <div class=${figures.held > 0 ? 'notable' : ''}><dt>held</dt><dd>${wholeText(figures.held)}</dd></div>
                    </dl>
                  `
            }
          </li>
        `,
      )}
      ${balancers.length === 0 && html`<li class="part absent"><p>No balancer yet.</p></li>`}
    </ul>
  `
}

function Journal({ journal, backends }: { journal: BoardJournal; backends: readonly BoardBackend[] }) {
  const { reachable, offset, recordsPerSecond } = journal
  const lag = Math.max(0, ...backends.filter(({ alive }) => alive).map((backend) => backend.lag))
  return html`
    <div class=${`part journal ${reachable === false ? 'tone-gone' : ''}`}>
      <h4><span aria-hidden="true">${reachable === false ? '✕' : '▤'}</span> Journal${reachable && html`<span class="spoken"> reachable</span>`}</h4>
      ${reachable === false && html`<p class="why">not reachable</p>`}
      <dl>
        <div><dt>offset</dt><dd>${wholeText(offset)}</dd></div>
        ${reachable !== false && html`<div><dt>records</dt><dd>${figureText(recordsPerSecond)}/s</dd></div>`}
        <div class=${lag > 0 ? 'notable' : ''}><dt>largest lag</dt><dd>${wholeText(lag)}</dd></div>
      </dl>
    </div>
  `
}

function Receivers({ receivers }: { receivers: readonly BoardReceiver[] }) {
  return html`
    <ul>
      ${receivers.map(
        ({ url, name, leads, reachable, problem }, place) => html`
          <li class=${`part receiver ${reachable ? '' : 'tone-gone'} ${leads ? 'leads' : ''}`} key=${url}>
            <h4><span aria-hidden="true">${reachable ? (leads ? '★' : '●') : '✕'}</span> ${name ?? placeText(url)}</h4>
            <p>${reachable ? (leads ? 'decides' : 'stands by') : 'not reachable'}${place === 0 && html` <span class="faint">· this one</span>`}</p>
            <p class="faint">${problem ?? placeText(url)}</p>
          </li>
        `,
      )}
    </ul>
  `
}

interface LinesProps {
  readonly board: Board
  readonly near: Column
  readonly middle: Column
  readonly far: Column
  readonly height: number
}

/** From each balancer to each backend; strong to the active. */
function Requests({ board, near, middle, height }: LinesProps) {
  const to = cardCentres(middle, height)
  const lines = cardCentres(near, height).flatMap((fromY) =>
    board.backends.map(({ name, alive, active }, place) => ({
      key: `${fromY}/${name}`,
      path: link(fromY, to[place]!),
      kind: !alive ? 'broken' : active ? 'flow' : 'spare',
    })),
  )
  return html`<${Lines} lines=${board.balancers.length > 0 ? lines : []} height=${height} />`
}

/** From each backend to the journal, and its heartbeats to the receiver that answers. */
function Following({ board, middle, far, height }: LinesProps) {
  const [journalY, receiverY] = cardCentres(far, height)
  const lines = cardCentres(middle, height)
    .slice(0, board.backends.length)
    .flatMap((fromY, place) => {
      const { name, alive, active } = board.backends[place]!
      return [
        {
          key: `${name}/journal`,
          path: link(fromY - 20, journalY!),
          kind: !alive ? 'broken' : active ? 'flow' : 'tail',
        },
        { key: `${name}/receiver`, path: link(fromY + 20, receiverY!), kind: alive ? 'beats' : 'broken' },
      ]
    })
  return html`<${Lines} lines=${lines} height=${height} />`
}

function Lines({ lines, height }: { lines: { key: string; path: string; kind: string }[]; height: number }) {
  return html`
    <svg class="lines" viewBox=${`0 0 100 ${height}`} height=${height} preserveAspectRatio="none" aria-hidden="true" focusable="false">
      ${lines.map(({ key, path, kind }) => html`<path key=${key} d=${path} class=${`line line-${kind}`} vector-effect="non-scaling-stroke" />`)}
    </svg>
  `
}

function epochOf({ shards }: Board, { name, active }: BoardBackend): number | null {
  return active ? (shards.find((shard) => shard.active === name)?.epoch ?? null) : null
}
