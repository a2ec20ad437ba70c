/** A table that fits: columns that matter least are left out where there is no room. Pure. */
import { type Line, padded, piece, widthOf } from './picture.ts'

/** Text, or what draws itself in the columns that it gets. */
export type Cell = Line | ((columns: number) => Line)

export interface Column {
  readonly title: Line
  readonly align?: 'left' | 'right'
  /** Lower ones are left out first; those below {@link extraWeight} as soon as the others would not be easy to read. */
  readonly weight: number
  /** It may be made as narrow as that; without it, it is as wide as its widest cell. */
  readonly columnsMin?: number
  /** It is never wider, and cells that draw themselves are as wide as that where there is room. */
  readonly columnsMax?: number
}

const gap = '  '
export const extraWeight = 5

/** Heading first. No line is wider than `columns`, as long as one column can be. */
export function table(layout: readonly Column[], rows: readonly (readonly Cell[])[], columns: number): Line[] {
  const sized = layout.map((column, index) => ({ column, index, ...extent(column, rows, index) }))
  const order = sized.toSorted((left, right) => left.column.weight - right.column.weight)
  const kept = new Set(sized)
  for (const candidate of order) {
    const extra = candidate.column.weight < extraWeight
    const width = widthOfAll([...kept], extra ? ({ easy }) => easy : ({ least }) => least)
    if (width <= columns || kept.size === 1) continue
    kept.delete(candidate)
  }
  const shown = sized.filter((one) => kept.has(one))
  let spare = columns - widthOfAll(shown, ({ least }) => least)
  const widths = shown.map(({ least, wanted }) => {
    const more = Math.max(0, Math.min(wanted - least, spare))
    spare -= more
    return Math.min(least + more, columns)
  })
  const draw = (cellOf: (index: number) => Cell): Line =>
    shown.flatMap(({ column, index }, place) => {
      const width = widths[place]!
      const cell = cellOf(index)
      const line = typeof cell === 'function' ? cell(width) : cell
      return [...(place === 0 ? [] : [piece(gap)]), ...padded(line, width, column.align)]
    })
  return [draw((index) => layout[index]!.title), ...rows.map((row) => draw((index) => row[index]!))]
}

interface Extent {
  readonly least: number
  /** So wide it reads easily. */
  readonly easy: number
  readonly wanted: number
}

/** How narrow and how wide a column may be. */
function extent(
  { title, columnsMin, columnsMax = Number.POSITIVE_INFINITY }: Column,
  rows: readonly (readonly Cell[])[],
  index: number,
): Extent {
  const widest = rows.reduce((most, row) => {
    const cell = row[index]!
    return Math.max(most, typeof cell === 'function' ? columnsMax : widthOf(cell))
  }, widthOf(title))
  const wanted = Math.min(widest, columnsMax)
  const least = Math.min(columnsMin ?? wanted, wanted)
  return { least, easy: Math.min(2 * least, wanted), wanted }
}

function widthOfAll<Column>(columns: readonly Column[], widthOfOne: (column: Column) => number): number {
  return columns.reduce((sum, column) => sum + widthOfOne(column), 0) + gap.length * Math.max(0, columns.length - 1)
}
