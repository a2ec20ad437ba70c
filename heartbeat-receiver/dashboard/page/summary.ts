/** The first thing that is read: in one sentence, how it stands. */
import type { Board, BoardBackend, BoardReign, BoardShard } from '../board.ts'
import { countOf, forText } from './words.ts'

export interface Summary {
  /** `well`: all shards are led. `changing`: somebody is taking over. `wrong`: nobody serves. `empty`: there is nothing yet. */
  readonly tone: 'well' | 'changing' | 'wrong' | 'empty'
  readonly headline: string
  readonly detail: string
}

/** @param nowMs Unix time of the receiver, milliseconds */
export function summaryOf(board: Board, nowMs: number): Summary {
  const problem = board.receivers.find(({ leads, problem }) => leads && problem !== null)?.problem
  if (problem !== undefined && problem !== null)
    return { tone: 'wrong', headline: 'The receiver that leads cannot decide', detail: problem }
  const alive = board.backends.filter((backend) => backend.alive)
  const unled = board.shards.filter(({ active }) => active === null)
  if (alive.length === 0 && board.backends.length > 0)
    return { tone: 'wrong', headline: 'All backends are gone', detail: 'Requests are held until one is back.' }
  if (alive.length === 0 && unled.length === board.shards.length)
    return { tone: 'empty', headline: 'No backend is here', detail: 'One that joins and is caught up begins to lead.' }
  const changing = board.shards.flatMap((shard) => takingOver(board.reigns, shard) ?? [])
  if (changing.length > 0) return changeOf(changing[0]!)
  if (unled.length > 0)
    return {
      tone: 'wrong',
      headline: `Nobody leads ${shardName(board, unled[0]!)}`,
      detail: 'Requests are held meanwhile.',
    }
  const suspected = board.shards.find(({ active }) =>
    board.backends.some(({ name, silence, alive }) => name === active && (!alive || silence >= 1)),
  )
  if (suspected)
    return {
      tone: 'changing',
      headline: `${suspected.active} is silent`,
      detail: 'It is suspected; another may be named.',
    }
  return wellOf(board, alive, nowMs)
}

/** The reign that is in force and not yet ready. */
function takingOver(reigns: readonly BoardReign[], { shard, epoch }: BoardShard): BoardReign | null {
  const reign = reigns.findLast((one) => one.shard === shard && one.epoch === epoch)
  return reign && reign.readyAtMs === null && reign.endedAtMs === null ? reign : null
}

function changeOf({ name, previous, reason, planned }: BoardReign): Summary {
  const detail =
    previous === null ? 'It is the first.' : planned ? `${previous} hands over to it.` : `${previous}: ${reason}`
  return { tone: 'changing', headline: `${name} is taking over`, detail }
}

function wellOf(board: Board, alive: readonly BoardBackend[], nowMs: number): Summary {
  const [shard] = board.shards
  const able = alive.filter(({ active, phase, draining }) => !active && phase === 'standby' && !draining).length
  const headline = board.shards.length === 1 ? `${shard?.active} leads` : `All ${board.shards.length} shards are led`
  const since = board.shards.length === 1 && shard?.sinceMs ? `for ${forText(nowMs - shard.sinceMs)}` : ''
  const epoch = board.shards.length === 1 ? `epoch ${shard?.epoch}` : ''
  const ready = able === 0 ? 'no standby behind it' : `${countOf(able, 'standby', 'standbys')} behind it`
  return { tone: 'well', headline, detail: [since, epoch, ready].filter((part) => part !== '').join(' · ') }
}

function shardName(board: Board, { shard }: BoardShard): string {
  return board.shards.length === 1 ? 'the service' : `shard ${shard}`
}
