/** The first lines of the live view: who answers, who leads each shard, and the journal. Pure. */
import type { Board, BoardReceiver, BoardShard } from '../../heartbeat-receiver/dashboard/board.ts'
import { describeDuration, describeTime } from '../duration-text.ts'
import { cut, type Line, piece, widthOf } from './picture.ts'

/** `notice` is what the view itself has to say, such as that it lost its receiver. */
export function titleLine(board: Board, notice: string | null, columns: number, nowMs: number): Line {
  const left: Line = [
    piece('Heartline', 'strong'),
    piece('  '),
    notice === null ? receiverPiece(board) : piece(notice, 'bad'),
  ]
  const time = describeTime(nowMs)
  const room = columns - time.length - 2
  if (room < 'Heartline'.length) return cut(left, columns)
  const shown = cut(left, room)
  return [...shown, piece(' '.repeat(columns - time.length - widthOf(shown))), piece(time, 'faint')]
}

function receiverPiece({ receiver, receivers }: Board): Line[number] {
  const own = receivers[0]
  if (own?.problem != null) return piece(`${receiver.name} cannot decide: ${own.problem}`, 'bad')
  const leader = receivers.find(({ leads }) => leads)
  if (!leader) return piece(`as ${receiver.name} sees it; no receiver leads`, 'waiting')
  if (leader === own) return piece(`${receiver.name} decides`)
  return piece(`as ${receiver.name} sees it; ${leader.name ?? leader.url} decides`)
}

/** A line for each shard: its active, its epoch and since when. */
export function shardLines({ shards }: Board, nowMs: number): Line[] {
  if (shards.length === 0) return [[piece('○ ', 'waiting'), piece('no backend was ever active', 'waiting')]]
  return shards.map((shard) => shardLine(shard, shards.length > 1, nowMs))
}

function shardLine({ shard, active, epoch, sinceMs }: BoardShard, several: boolean, nowMs: number): Line {
  const which = several ? `shard ${shard}: ` : ''
  if (active === null)
    return [piece('✖ ', 'bad'), piece(`${which}nobody is active`, 'bad'), piece(`, epoch ${epoch}: requests are held`)]
  const since = sinceMs === null ? ', about to lead' : `, for ${describeDuration(nowMs - sinceMs)}`
  return [piece('● ', 'good'), piece(which), piece(active, 'strong'), piece(` is active, epoch ${epoch}${since}`)]
}

/** Where the journal is. */
export function journalLine({ journal }: Board): Line {
  const { reachable, offset, recordsPerSecond } = journal
  if (reachable === false) return [piece('✖ ', 'bad'), piece('no backend reaches the journal', 'bad')]
  if (reachable === null) return [piece('○ ', 'waiting'), piece('no backend tells of the journal yet', 'faint')]
  return [piece('  '), piece(`journal: ${offset} records, ${rate(recordsPerSecond)}/s`, 'faint')]
}

/** A line for each receiver, where there are several, or the only one is in trouble. */
export function receiverLines({ receivers }: Board): Line[] {
  return receivers.length < 2 ? [] : receivers.map(receiverLine)
}

function receiverLine({ name, url, leads, reachable, problem }: BoardReceiver): Line {
  const who = `${name ?? url} `
  if (!reachable) return [piece('✖ ', 'bad'), piece(who), piece('cannot be reached', 'bad')]
  if (problem !== null) return [piece('✖ ', 'bad'), piece(who), piece(problem, 'bad')]
  return leads ? [piece('● ', 'good'), piece(who), piece('decides')] : [piece('  '), piece(`${who}follows`, 'faint')]
}

function rate(perSecond: number): string {
  return perSecond < 10 ? String(Math.round(perSecond * 10) / 10) : String(Math.round(perSecond))
}
