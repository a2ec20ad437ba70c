/** What is said aloud by screen readers when the board changes: failovers, crashes, who joined or left. */
import type { Board, BoardReign } from '../board.ts'
import { sentence, spanText } from './words.ts'

export interface News {
  /** `urgent` interrupts what is being read. */
  readonly urgent: boolean
  readonly text: string
}

/** Sentences about what is new in `next`. Nothing about what was there when the page was opened, and at most so many at once. */
export function newsBetween(previous: Board | null, next: Board, most = 4): News[] {
  if (previous === null) return []
  return [...crashes(previous, next), ...reigns(previous, next), ...comings(previous, next)].slice(0, most)
}

function crashes(previous: Board, next: Board): News[] {
  const last = previous.crashes.at(-1)?.id ?? Number.NEGATIVE_INFINITY
  return next.crashes
    .filter(({ id }) => id > last)
    .map(({ name, reason, done }) => ({ urgent: true, text: `${name} crashed: ${sentence(reason)} ${sentence(done)}` }))
}

function reigns(previous: Board, next: Board): News[] {
  const before = new Map(previous.reigns.map((reign) => [keyOf(reign), reign]))
  return next.reigns.flatMap((reign) => {
    const known = before.get(keyOf(reign))
    if (known === reign) return []
    const answered = reign.firstAnswerAtMs !== null && (known?.firstAnswerAtMs ?? null) === null
    if (answered && reign.previous !== null)
      return [
        {
          urgent: false,
          text: `${reign.name} answers, ${spanText(reign.firstAnswerAtMs! - reign.detectedAtMs)} after the first sign.`,
        },
      ]
    if (known) return []
    const why = reign.previous === null ? '' : `, after ${reign.previous}`
    return [
      {
        urgent: false,
        text: `${reign.planned ? 'Handover' : 'Decision'}: ${reign.name} leads under epoch ${reign.epoch}${why}.`,
      },
    ]
  })
}

function comings(previous: Board, next: Board): News[] {
  if (previous.backends === next.backends) return []
  const before = new Set(previous.backends.filter(({ alive }) => alive).map(({ name }) => name))
  return next.backends
    .filter(({ name, alive }) => alive && !before.has(name))
    .map(({ name }) => ({ urgent: false, text: `${name} joined.` }))
}

function keyOf({ shard, epoch }: BoardReign): string {
  return `${shard}/${epoch}`
}
