/** The measurement as people read it. Pure. */
import { firstFailover, type Measured, promised, type Step } from './first-failover.ts'

/** Lines that a service changes to survive its server, as `git diff --numstat` counts them. */
export interface Changed {
  readonly added: number
  readonly removed: number
}

/** What was promised and not kept, each in a sentence. */
export function faultsOf({ steps, failure }: Measured, changed: Changed): string[] {
  const commands = new Set(steps.map(({ command }) => command).filter((command) => command !== 'git clone'))
  const failoverMs = untilFailoverMs(steps)
  return [
    ...(failure === undefined ? [] : [`${steps.at(-1)?.command} failed, and said last:\n${failure}`]),
    ...(failoverMs === undefined ? ['no failover was seen'] : []),
    ...(commands.size > promised.commands ? [`it took ${commands.size} commands, not ${promised.commands}`] : []),
    ...(failoverMs !== undefined && failoverMs > promised.firstFailoverMs
      ? [`the first failover was seen after ${seconds(failoverMs)} s, not ${seconds(promised.firstFailoverMs)} s`]
      : []),
    ...(Math.max(changed.added, changed.removed) > promised.changedLines
      ? [`a service changed ${changed.added} lines, not ${promised.changedLines}`]
      : []),
  ]
}

/** From the first command to the first failover that is seen, milliseconds; undefined if none was. */
export function untilFailoverMs(steps: readonly Step[]): number | undefined {
  const last = steps.findIndex(({ what }) => what === firstFailover)
  if (last < 0) return undefined
  return steps.slice(0, last + 1).reduce((sum, { tookMs }) => sum + tookMs, 0)
}

/** A table in Markdown: each step, its time, and the time since the beginning. */
export function tableOf(steps: readonly Step[], { added, removed }: Changed): string {
  let sinceStartMs = 0
  const rows = steps.map(({ what, command, tookMs }) => {
    sinceStartMs += tookMs
    return `| \`${command}\` | ${what} | ${seconds(tookMs)} s | ${seconds(sinceStartMs)} s |`
  })
  return [
    '| command | until | took | since the start |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    `An Express service that survives \`kill -9\`: ${added} lines added, ${removed} removed.`,
  ].join('\n')
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1)
}
