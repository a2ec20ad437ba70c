/** How meanings look on this terminal: in colour where it has colours and `NO_COLOR` is not set. */
import { styleText } from 'node:util'
import { type Meaning, type Paint, unpainted } from './picture.ts'

const looks = {
  plain: [],
  strong: ['bold'],
  faint: ['dim'],
  good: ['green'],
  waiting: ['yellow'],
  bad: ['bold', 'red'],
  accent: ['cyan'],
} as const satisfies Record<Meaning, readonly Parameters<typeof styleText>[0][number][]>

/** For a stream as Node gives them: it knows its colours, `NO_COLOR`, `FORCE_COLOR` and `TERM`. */
export function terminalPaint(stream: { isTTY?: boolean; hasColors?(): boolean }): Paint {
  if (!stream.isTTY || !stream.hasColors?.()) return unpainted
  return (meaning, text) => {
    const look = looks[meaning]
    return look.length === 0 || text === '' ? text : styleText([...look], text, { validateStream: false })
  }
}
