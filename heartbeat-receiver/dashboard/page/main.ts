/** Composition of the page: the connection, the board, and what draws it once per frame at most. */
import { html } from 'htm/preact'
import { render } from 'preact'
import { App } from './app.ts'
import { BoardSource } from './board-source.ts'
import { LiveBoard } from './live-board.ts'
import { Pulses } from './pulses.ts'
import { Speaker } from './speaker.ts'

/** So often the page is drawn again when nothing happens, for words like "3 minutes ago". */
const idleMs = 1_000

const root = document.getElementById('page')!
const speaker = new Speaker(document.body)
const pulses = new Pulses(() => live.nowMs())
let waiting = false

const live = new LiveBoard({
  now: () => performance.now(),
  changed: drawSoon,
  news: (news) => speaker.say(news),
  beats: (frame) => pulses.beat(frame),
})
const source = new BoardSource(live)

function drawSoon(): void {
  if (waiting) return
  waiting = true
  requestAnimationFrame(() => {
    waiting = false
    draw()
  })
}

function draw(): void {
  const { state } = live
  pulses.run(state.link.kind === 'live')
  document.title = titleOf(state.board?.shards[0]?.active ?? null, state.link.kind)
  const focused = document.activeElement
  render(html`<${App} state=${state} pulses=${pulses} reconnect=${() => reconnect()} />`, root)
  // The button that has focus goes with its backend: whoever goes on with Tab starts from its neighbours.
  if (focused && !focused.isConnected) document.getElementById('topology-title')?.focus()
}

function reconnect(): void {
  live.takeLink({ type: 'token given' })
  source.open()
}

function titleOf(active: string | null, link: string): string {
  if (link === 'lost') return 'Heartline: no connection'
  return active === null ? 'Heartline' : `${active} leads · Heartline`
}

root.replaceChildren()
draw()
source.open()
setInterval(drawSoon, idleMs)
