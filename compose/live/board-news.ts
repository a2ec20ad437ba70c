/** What has changed from one board to the next, in lines that stay: the live view where there is no terminal. Pure. */
import { crashHappened } from '../../heartbeat-receiver/crash-wording.ts'
import type { Board, BoardBackend, BoardReceiver, BoardReign } from '../../heartbeat-receiver/dashboard/board.ts'
import { describeMilliseconds } from '../duration-text.ts'

/** Lines for a board that is seen for the first time. */
export function boardAtFirst(board: Board): string[] {
  return [
    `as ${board.receiver.name} sees it`,
    ...board.shards.map(
      ({ shard, active, epoch }) => `${shardName(board, shard)}${active ?? 'nobody'} is active, epoch ${epoch}`,
    ),
    ...board.backends.map((backend) => `${backend.name}: ${phaseOf(backend)}, ${backend.lag} behind`),
    ...board.receivers.slice(1).map(receiverLine),
  ]
}

/** Lines for what matters: who comes and goes, who leads, what crashed. Figures are none. */
export function boardNews(before: Board, after: Board): string[] {
  return [
    ...backendNews(before, after),
    ...reignNews(before, after),
    ...crashNews(before, after),
    ...receiverNews(before, after),
    ...journalNews(before, after),
  ]
}

function backendNews(before: Board, after: Board): string[] {
  const known = new Map(before.backends.map((backend) => [backend.name, backend]))
  const crashed = new Set(after.crashes.map(({ incarnation }) => incarnation))
  return after.backends.flatMap((backend) => {
    const { name, incarnation, alive, gone } = backend
    const old = known.get(name)
    if (!alive) return old?.alive && !crashed.has(incarnation) ? [`${name} is gone: ${gone ?? 'it is not there'}`] : []
    if (!old?.alive || old.incarnation !== incarnation) return [`${name} joined: ${phaseOf(backend)}`]
    const phases = [phaseOf(old), phaseOf(backend)] as const
    // Who leads is told with its reign.
    return phases[0] === phases[1] || backend.phase === 'active' ? [] : [`${name}: ${phases[0]}, now ${phases[1]}`]
  })
}

function reignNews(before: Board, after: Board): string[] {
  const known = new Map(before.reigns.map((reign) => [keyOf(reign), reign]))
  return after.reigns.flatMap((reign) => {
    const old = known.get(keyOf(reign))
    const { name, epoch, reason, detectedAtMs, readyAtMs, firstAnswerAtMs, held } = reign
    const where = shardName(after, reign.shard)
    const took = (atMs: number) => describeMilliseconds(atMs - detectedAtMs)
    return [
      ...(old
        ? []
        : [`${where}${name} is to lead with epoch ${epoch}, decided after ${took(reign.decidedAtMs)}: ${reason}`]),
      ...(readyAtMs === null || old?.readyAtMs != null
        ? []
        : [`${where}${name} leads, epoch ${epoch}, ready after ${took(readyAtMs)}`]),
      ...(firstAnswerAtMs === null || old?.firstAnswerAtMs != null
        ? []
        : [
            `${where}first answer of epoch ${epoch} after ${took(firstAnswerAtMs)}${held === null ? '' : `, ${held} requests waited`}`,
          ]),
    ]
  })
}

function crashNews(before: Board, after: Board): string[] {
  const lastId = before.crashes.at(-1)?.id ?? Number.NEGATIVE_INFINITY
  return after.crashes
    .filter(({ id }) => id > lastId)
    .map((crash) => {
      const said = crash.lastLines.length === 0 ? '' : `; its last lines: ${crash.lastLines.join(' | ')}`
      return `${crashHappened(crash)}; ${crash.done}${crash.advice === null ? '' : `; to do: ${crash.advice}`}${said}`
    })
}

function receiverNews(before: Board, after: Board): string[] {
  const known = new Map(before.receivers.map((receiver) => [receiver.url, receiverLine(receiver)]))
  return after.receivers
    .map((receiver) => ({ url: receiver.url, line: receiverLine(receiver) }))
    .flatMap(({ url, line }) => (known.get(url) === line ? [] : [line]))
}

function journalNews(before: Board, after: Board): string[] {
  if (before.journal.reachable === after.journal.reachable || after.journal.reachable === null) return []
  if (!after.journal.reachable) return ['no backend reaches the journal']
  return before.journal.reachable === false ? ['the journal is reached again'] : []
}

function receiverLine({ name, url, leads, reachable, problem }: BoardReceiver): string {
  const who = name ?? url
  if (!reachable) return `${who} cannot be reached`
  return `${who} ${problem ?? (leads ? 'decides' : 'follows')}`
}

function phaseOf({ alive, draining, phase }: BoardBackend): string {
  if (!alive) return 'gone'
  return draining ? 'draining' : phase
}

function keyOf({ shard, epoch }: BoardReign): string {
  return `${shard}/${epoch}`
}

function shardName({ shards }: Board, shard: number): string {
  return shards.length > 1 ? `shard ${shard}: ` : ''
}
