/**
 * Keeps a board up to date with what is told of it. Pure, and with no imports but types: the page and the terminal run this very file.
 */
import type { Board, BoardBackend, BoardBeats, BoardChanges, BoardReign } from './board.ts'

/** Most reigns of a board; the oldest are forgotten. */
export const reignsMax = 50
/** Most crashes of a board; the oldest are forgotten. */
export const crashesMax = 50
/** One point of the traffic so often, milliseconds. */
export const trafficIntervalMs = 500
/** Most points of the traffic: five minutes. */
export const trafficPointsMax = 600

/** The board after `changes`. What did not change is the same object as before, so that whoever draws may compare. */
export function foldBoard(board: Board, changes: BoardChanges): Board {
  const { backends, figures, reigns, crashes, traffic, ...replaced } = changes
  return {
    ...board,
    ...replaced,
    backends: figures ? withFigures(backends ?? board.backends, figures) : (backends ?? board.backends),
    reigns: reigns ? last(withReigns(board.reigns, reigns), reignsMax) : board.reigns,
    crashes: crashes ? last([...board.crashes, ...crashes], crashesMax) : board.crashes,
    traffic: traffic ? last([...board.traffic, ...traffic], trafficPointsMax) : board.traffic,
  }
}

/** How many heartbeats came, by the name of the backend; at least so many where it is {@link beatsMax}. Those with none are missing. */
export type Beats = ReadonlyMap<string, number>
/** More heartbeats than this between two `beats` are not told apart. */
export const beatsMax = 9

/** Reads `beats`, which tells them by the place in the board's backends. */
export function beatsOf({ backends }: Pick<Board, 'backends'>, { beats }: BoardBeats): Beats {
  const counts = new Map<string, number>()
  for (let index = 0; index < beats.length; index++) {
    const count = Number(beats[index])
    const backend = backends[index]
    if (backend && count > 0) counts.set(backend.name, count)
  }
  return counts
}

/** The last `max` of `all`, which is not copied if they are no more. */
function last<Item>(all: readonly Item[], max: number): readonly Item[] {
  return all.length > max ? all.slice(-max) : all
}

function withFigures(
  backends: readonly BoardBackend[],
  figures: NonNullable<BoardChanges['figures']>,
): readonly BoardBackend[] {
  const changed = [...backends]
  for (const [index, offset, lag, inFlight, eventLoopDelayMs, suspicion, silence] of figures) {
    const backend = backends[index!]
    if (!backend) continue
    changed[index!] = {
      ...backend,
      ...{ offset: offset!, lag: lag!, inFlight: inFlight! },
      ...{ eventLoopDelayMs: eventLoopDelayMs!, suspicion: suspicion!, silence: silence! },
    }
  }
  return changed
}

function withReigns(known: readonly BoardReign[], told: readonly BoardReign[]): readonly BoardReign[] {
  const reigns = [...known]
  for (const reign of told) {
    const index = reigns.findIndex(({ shard, epoch }) => shard === reign.shard && epoch === reign.epoch)
    if (index === -1) reigns.push(reign)
    else reigns[index] = reign
  }
  return reigns
}
