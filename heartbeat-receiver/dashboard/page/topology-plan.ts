/** Where the lines of the topology run. Cards of a column are as tall as each other and centred, so no layout needs to be asked. */

/** From how many backends on each is a small cell instead of a card with its trace. */
export const compactFrom = 9

export interface Column {
  readonly count: number
  /** Pixels. */
  readonly cardHeight: number
  readonly gap: number
}

/** Height of a column, pixels. */
export function columnHeight({ count, cardHeight, gap }: Column): number {
  return count === 0 ? 0 : count * cardHeight + (count - 1) * gap
}

/** The middle of each card, pixels from the top of a row of columns that is `height` tall. */
export function cardCentres(column: Column, height: number): number[] {
  const top = (height - columnHeight(column)) / 2
  return Array.from(
    { length: column.count },
    (_, index) => top + index * (column.cardHeight + column.gap) + column.cardHeight / 2,
  )
}

/** An SVG path across a gap that is 100 wide, from one height to another, leaving and arriving level. */
export function link(fromY: number, toY: number): string {
  return `M0 ${round(fromY)}C50 ${round(fromY)} 50 ${round(toY)} 100 ${round(toY)}`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
