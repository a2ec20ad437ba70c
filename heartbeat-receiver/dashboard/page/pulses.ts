/**
 * Heartbeats as they come, drawn past the framework. Where there is room: a ring around each heart that the compositor animates, and a trace
 * on a canvas, one spike per heartbeat. Where there are many: a glow. Nothing asks for layout. With reduced motion nothing moves; the rate is
 * there as text.
 */
import { beatTimes } from './beat-tally.ts'
import { Glow } from './glow.ts'
import type { BeatFrame } from './live-board.ts'
import { drawTrace, type TraceInk } from './trace.ts'

/** Spikes that a trace has room for. */
const spikesShown = 26
const traceLeastMs = 2_000
const traceMostMs = 60_000
/** Traces are drawn so late that a heartbeat is known before it is due, milliseconds. */
const traceDelayMs = 350

interface Trace {
  readonly canvas: HTMLCanvasElement
  readonly observer: ResizeObserver
  beatsAtMs: number[]
}

export class Pulses {
  readonly #nowMs: () => number
  readonly #hearts = new Map<string, HTMLElement>()
  readonly #traces = new Map<string, Trace>()
  readonly #still = matchMedia('(prefers-reduced-motion: reduce)')
  #glow: Glow | undefined
  #windowMs = traceLeastMs
  #running = false
  #frame: number | undefined
  #ink: TraceInk | undefined

  /** @param nowMs Unix time of the receiver, milliseconds */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.#ink = undefined
    })
    this.#still.addEventListener('change', () => this.run(this.#running))
  }

  /** Hands over the element around which a backend's heartbeats ring; null when it is gone. */
  heart(name: string, element: HTMLElement | null): void {
    if (element) this.#hearts.set(name, element)
    else this.#hearts.delete(name)
  }

  /** Hands over the layer on which all hearts of the grid glow. */
  glow(canvas: HTMLCanvasElement | null): void {
    this.#glow?.close()
    this.#glow = canvas ? new Glow(canvas) : undefined
  }

  /** Hearts of the grid came, went or moved. */
  moved(): void {
    this.#glow?.measure()
  }

  trace(name: string, canvas: HTMLCanvasElement | null): void {
    this.#traces.get(name)?.observer.disconnect()
    this.#traces.delete(name)
    if (!canvas) return
    const observer = new ResizeObserver(() => fit(canvas))
    observer.observe(canvas)
    this.#traces.set(name, { canvas, observer, beatsAtMs: [] })
    this.run(this.#running)
  }

  beat({ beats, atMs, frameMs, heartbeatMs }: BeatFrame): void {
    this.#windowMs = Math.min(traceMostMs, Math.max(traceLeastMs, heartbeatMs * spikesShown))
    if (document.hidden || this.#still.matches) return
    this.#ink ??= inkOf(document.documentElement)
    this.#glow?.beat(beats, this.#ink.line)
    for (const [name, count] of beats) {
      this.#hearts.get(name)?.animate(ring, ringTiming)
      const trace = this.#traces.get(name)
      if (trace)
        trace.beatsAtMs = [
          ...recent(trace.beatsAtMs, atMs - this.#windowMs - traceDelayMs),
          ...beatTimes(count, atMs, frameMs),
        ]
    }
  }

  /** Whether the traces move on. */
  run(running: boolean): void {
    this.#running = running
    if (running && this.#traces.size > 0 && !this.#still.matches)
      this.#frame ??= requestAnimationFrame(() => this.#draw())
  }

  #draw(): void {
    this.#frame = undefined
    this.#ink ??= inkOf(document.documentElement)
    const nowMs = this.#nowMs() - traceDelayMs
    for (const { canvas, beatsAtMs } of this.#traces.values())
      drawTrace(canvas, beatsAtMs, nowMs, this.#windowMs, this.#ink)
    this.run(this.#running)
  }
}

const ring: Keyframe[] = [
  { opacity: 0.9, transform: 'scale(1)' },
  { opacity: 0, transform: 'scale(1.9)' },
]
const ringTiming: KeyframeAnimationOptions = { duration: 600, easing: 'ease-out' }

function recent(atMs: readonly number[], afterMs: number): number[] {
  return atMs.filter((one) => one > afterMs)
}

function fit(canvas: HTMLCanvasElement): void {
  canvas.width = Math.round(canvas.clientWidth * devicePixelRatio)
  canvas.height = Math.round(canvas.clientHeight * devicePixelRatio)
}

function inkOf(element: HTMLElement): TraceInk {
  const style = getComputedStyle(element)
  return { line: style.getPropertyValue('--trace'), still: style.getPropertyValue('--line-strong') }
}
