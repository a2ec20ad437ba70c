/** The trace of a backend's heartbeats: a level line with a spike for each, which moves to the left and fades. */

export interface TraceInk {
  readonly line: string
  /** Where no heartbeat came. */
  readonly still: string
}

/** Shape of a spike: steps from the level, to the right in pixels, up in shares of half the height. */
const spike: readonly (readonly [number, number])[] = [
  [-2.5, 0],
  [-1, 0.85],
  [0.8, -0.5],
  [2.2, 0],
]
/** Longer than so many usual gaps between spikes is silence. */
const silenceGaps = 3

/** Draws it anew on the whole canvas. Times are of one clock, milliseconds. */
export function drawTrace(
  canvas: HTMLCanvasElement,
  beatsAtMs: readonly number[],
  nowMs: number,
  windowMs: number,
  ink: TraceInk,
): void {
  const context = canvas.getContext('2d')
  if (!context) return
  const { width, height } = canvas
  const ratio = devicePixelRatio
  const level = height * 0.58
  const half = height * 0.5
  const xOf = (atMs: number) => width * (1 - (nowMs - atMs) / windowMs)
  context.clearRect(0, 0, width, height)
  context.lineWidth = 1.25 * ratio
  context.lineJoin = 'round'
  const lastX = Math.min(
    width,
    xOf((beatsAtMs.at(-1) ?? Number.NEGATIVE_INFINITY) + (windowMs / spikesOf(beatsAtMs, windowMs)) * silenceGaps),
  )
  context.strokeStyle = ink.still
  line(context, Math.max(0, lastX), level, width)
  if (lastX <= 0) return
  context.strokeStyle = ink.line
  context.beginPath()
  context.moveTo(0, level)
  for (const atMs of beatsAtMs) {
    const x = xOf(atMs)
    for (const [right, up] of spike) if (x + right * ratio > 0) context.lineTo(x + right * ratio, level - up * half)
  }
  context.lineTo(lastX, level)
  context.stroke()
}

function line(context: CanvasRenderingContext2D, fromX: number, y: number, toX: number): void {
  context.beginPath()
  context.moveTo(fromX, y)
  context.lineTo(toX, y)
  context.stroke()
}

function spikesOf(beatsAtMs: readonly number[], windowMs: number): number {
  const first = beatsAtMs[0]
  const last = beatsAtMs.at(-1)
  if (first === undefined || last === undefined || last <= first) return 1
  return Math.max(1, ((beatsAtMs.length - 1) * windowMs) / (last - first))
}
