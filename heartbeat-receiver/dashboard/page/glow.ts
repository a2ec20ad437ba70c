/**
 * Heartbeats of many backends on one layer: a ring around each that beat, painted once per frame of heartbeats, which fades as a whole. A
 * layer for each of 200 hearts would be put together anew 60 times a second.
 */
import type { Beats } from '../fold.ts'

const radius = 9
const fade: Keyframe[] = [{ opacity: 0.85 }, { opacity: 0.15 }]
const fadeTiming: KeyframeAnimationOptions = { duration: 450, easing: 'ease-out', fill: 'forwards' }

export class Glow {
  readonly #canvas: HTMLCanvasElement
  readonly #observer: ResizeObserver
  /** Where the hearts are, pixels from the corner of the canvas. Asked when the grid changes, never for a heartbeat. */
  #centres = new Map<string, { x: number; y: number }>()

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas
    this.#observer = new ResizeObserver(() => this.measure())
    this.#observer.observe(canvas)
  }

  close(): void {
    this.#observer.disconnect()
  }

  beat(beats: Beats, colour: string): void {
    const context = this.#canvas.getContext('2d')
    if (!context) return
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height)
    context.strokeStyle = colour
    context.lineWidth = 2
    context.beginPath()
    for (const name of beats.keys()) {
      const centre = this.#centres.get(name)
      if (!centre) continue
      context.moveTo(centre.x + radius, centre.y)
      context.arc(centre.x, centre.y, radius, 0, 2 * Math.PI)
    }
    context.stroke()
    this.#canvas.animate(fade, fadeTiming)
  }

  /** Looks where the hearts are. */
  measure(): void {
    const canvas = this.#canvas
    const from = canvas.getBoundingClientRect()
    canvas.width = Math.round(from.width)
    canvas.height = Math.round(from.height)
    this.#centres = new Map()
    for (const cell of canvas.parentElement?.querySelectorAll<HTMLElement>('[data-backend]') ?? []) {
      const heart = cell.querySelector('.heart')?.getBoundingClientRect()
      if (!heart) continue
      const centre = { x: heart.x + heart.width / 2 - from.x, y: heart.y + heart.height / 2 - from.y }
      this.#centres.set(cell.dataset.backend!, centre)
    }
  }
}
