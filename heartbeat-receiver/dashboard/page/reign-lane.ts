/** The lane of a shard: who led when, as blocks on a common stretch of time. */
import type { BoardReign } from '../board.ts'
import { spanText } from './words.ts'

export interface LaneBlock {
  readonly epoch: number
  readonly name: string
  /** Percent of the lane. */
  readonly left: number
  readonly width: number
  /** It still leads. */
  readonly open: boolean
  readonly planned: boolean
  /** Somebody led before it: its beginning is a failover or a handover. */
  readonly change: boolean
}

export interface LaneTick {
  readonly left: number
  readonly text: string
}

const minuteMs = 60_000
/** Stretches that divide into ticks of whole minutes or hours. */
const stretchesMs = [2, 5, 10, 30, 60, 3 * 60, 12 * 60, 24 * 60].map((minutes) => minutes * minuteMs)

/** How much time the lanes show: the shortest stretch that holds the last few changes, of two minutes to a day. */
export function laneStretchMs(reigns: readonly BoardReign[], nowMs: number): number {
  const wanted = reigns.slice(-6).find(({ previous }) => previous !== null)
  const reachMs = wanted ? (nowMs - wanted.detectedAtMs) * 1.1 : 0
  return stretchesMs.find((stretchMs) => stretchMs >= reachMs) ?? stretchesMs.at(-1)!
}

/** Blocks of the reigns of one shard, oldest first; those that ended before the stretch are left out. A reign begins when it is ready. */
export function laneBlocks(reigns: readonly BoardReign[], nowMs: number, stretchMs: number): LaneBlock[] {
  const fromMs = nowMs - stretchMs
  const percent = (atMs: number) => Math.min(100, Math.max(0, ((atMs - fromMs) / stretchMs) * 100))
  return reigns.flatMap((reign) => {
    const beganMs = reign.readyAtMs ?? reign.decidedAtMs
    const endedMs = reign.endedAtMs ?? nowMs
    if (endedMs < fromMs) return []
    const left = percent(beganMs)
    return [
      {
        ...{ epoch: reign.epoch, name: reign.name, left, width: Math.max(0, percent(endedMs) - left) },
        ...{ open: reign.endedAtMs === null, planned: reign.planned, change: reign.previous !== null },
      },
    ]
  })
}

/** Five marks, the last of them now. */
export function laneTicks(stretchMs: number): LaneTick[] {
  return [0, 25, 50, 75, 100].map((left) => ({ left, text: tickText(stretchMs * (1 - left / 100)) }))
}

function tickText(agoMs: number): string {
  if (agoMs === 0) return 'now'
  return agoMs < minuteMs ? `−${agoMs / 1_000} s` : `−${spanText(agoMs)}`
}
