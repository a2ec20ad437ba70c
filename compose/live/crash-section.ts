/** The last crashes in the live view. Pure. */
import { crashHappened } from '../../heartbeat-receiver/crash-wording.ts'
import type { Board } from '../../heartbeat-receiver/dashboard/board.ts'
import { crashBlock } from '../crash-block.ts'
import { describeTime } from '../duration-text.ts'
import type { Line } from './picture.ts'

/** How many crashes are shown, and how many of its last lines each quotes. */
const crashesShown = 3
const lastLinesShown = 3

/** A block for each, the last first. */
export function crashLines({ crashes }: Board, columns: number): Line[] {
  return crashes
    .slice(-crashesShown)
    .toReversed()
    .flatMap((crash) => {
      const { done, advice, lastLines, atMs } = crash
      const told = { happened: crashHappened(crash), done, advice, lastLines }
      return crashBlock(told, describeTime(atMs), { columns, lastLinesMax: lastLinesShown })
    })
}
