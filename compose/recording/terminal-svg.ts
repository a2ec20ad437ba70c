/**
 * What was seen on a terminal as an animated SVG: a film strip of its pictures, moved by one picture at a time. Each line is drawn once, however
 * often it is seen. Without motion, where that is asked for, it shows the last picture. Pure.
 */

/** Text of one look, from a column on. */
export interface Run {
  readonly column: number
  readonly text: string
  /** Columns that it takes. */
  readonly width: number
  readonly look: readonly Look[]
}
export const looks = ['bold', 'dim', 'red', 'green', 'yellow', 'cyan'] as const
export type Look = (typeof looks)[number]

export interface Frame {
  /** Since the beginning, milliseconds. */
  readonly atMs: number
  /** From the top; each its runs from the left. */
  readonly lines: readonly (readonly Run[])[]
}

export interface SvgOptions {
  readonly columns: number
  readonly rows: number
  /** For who cannot see it: what it is, and what happens in it. */
  readonly title: string
  readonly description: string
  /** How long the last picture stands before it begins anew, milliseconds. */
  readonly holdMs: number
}

const cell = { width: 8.4, height: 18, baseline: 13.5 } as const
const margin = { left: 16, top: 40, bottom: 16 } as const

/** `frames` in order of time; at least one. */
export function terminalSvg(frames: readonly Frame[], options: SvgOptions): string {
  const { columns, rows, title, description, holdMs } = options
  const width = Math.ceil(columns * cell.width + 2 * margin.left)
  const height = rows * cell.height + margin.top + margin.bottom
  const lines = new Map<string, number>()
  const pictures = frames.map((frame, index) => picture(frame, index * width, lines))
  const definitions = [...lines].map(([text, id]) => `<text id="l${id}" y="${cell.baseline}">${text}</text>`)
  const circles = [20, 40, 60].map((x) => `<circle cx="${x}" cy="20" r="6" class="dot"/>`)
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="t d">`,
    `<title id="t">${escaped(title)}</title>`,
    `<desc id="d">${escaped(description)}</desc>`,
    `<style>${style(frames, width, holdMs)}</style>`,
    `<defs>${definitions.join('\n')}</defs>`,
    `<rect width="${width}" height="${height}" rx="10" class="back"/>`,
    ...circles,
    `<g transform="translate(0 ${margin.top})"><g class="film">`,
    ...pictures,
    '</g></g>',
    '</svg>',
  ].join('\n')}\n`
}

function picture(frame: Frame, x: number, known: Map<string, number>): string {
  const uses = frame.lines.flatMap((line, row) => {
    if (line.length === 0) return []
    const text = line.map(runOf).join('')
    const id = known.get(text) ?? known.size
    known.set(text, id)
    return `<use href="#l${id}" y="${row * cell.height}"/>`
  })
  return `<g transform="translate(${x})">${uses.join('')}</g>`
}

function runOf({ column, text, width, look }: Run): string {
  const kind = look.length === 0 ? '' : ` class="${look.map((one) => one[0]).join(' ')}"`
  // A font that has not all characters takes some from another, of another width.
  const fixed = /^[ -~]*$/.test(text) ? '' : ` textLength="${rounded(width * cell.width)}"`
  return `<tspan x="${rounded(margin.left + column * cell.width)}"${kind}${fixed}>${escaped(text)}</tspan>`
}

function style(frames: readonly Frame[], width: number, holdMs: number): string {
  const totalMs = frames.at(-1)!.atMs - frames[0]!.atMs + holdMs
  const steps = frames.map(({ atMs }, index) => {
    const share = ((atMs - frames[0]!.atMs) / totalMs) * 100
    return `${Math.round(share * 1_000) / 1_000}%{transform:translateX(${-index * width}px)}`
  })
  return [
    ':root{--back:#f6f8fa;--text:#1f2328;--dim:#59636e;--red:#b42318;--green:#116329;--yellow:#7d4e00;--cyan:#0550ae;--dot:#d0d7de}',
    '@media(prefers-color-scheme:dark){:root{--back:#151b23;--text:#e6edf3;--dim:#9198a1;--red:#ff7b72;--green:#56d364;--yellow:#e3b341;--cyan:#79c0ff;--dot:#3d444d}}',
    '.back{fill:var(--back);stroke:var(--dot)}.dot{fill:var(--dot)}',
    'text{font:14px ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;fill:var(--text);white-space:pre}',
    '.b{font-weight:bold}.d{fill:var(--dim)}.r{fill:var(--red)}.g{fill:var(--green)}.y{fill:var(--yellow)}.c{fill:var(--cyan)}',
    `.film{animation:film ${Math.round(totalMs)}ms step-end infinite}`,
    `@keyframes film{${steps.join('')}}`,
    `@media(prefers-reduced-motion:reduce){.film{animation:none;transform:translateX(${-(frames.length - 1) * width}px)}}`,
  ].join('\n')
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10
}
