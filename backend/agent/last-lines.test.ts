import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { LastLines } from './last-lines.ts'

function linesOf(chunks: readonly (string | Uint8Array)[], options = { linesMax: 3, lengthMax: 5 }): string[] {
  const lines = new LastLines(options)
  for (const chunk of chunks) lines.add('stdout', Buffer.from(chunk as string))
  return lines.lines
}

describe('last lines', () => {
  it('are the last ones, without the empty ones, and one that has not ended too', () => {
    assert.deepEqual(linesOf(['a\nb\n\n', ' \nc\r\nd\n']), ['b', 'c', 'd'])
    assert.deepEqual(linesOf(['a\nb\nc\nd']), ['b', 'c', 'd'])
    assert.deepEqual(linesOf([]), [])
  })

  it('are whole wherever the chunks were cut, also within a character', () => {
    const text = Buffer.from('1 é\n2 €\n3 😀\n')
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: text.length })), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), text.length]
        const chunks = at.slice(1).map((end, index) => text.subarray(at[index], end))
        assert.deepEqual(linesOf(chunks), ['1 é', '2 €', '3 😀'])
      }),
    )
  })

  it('keep the beginning of a long line, and no more than that in memory', () => {
    assert.deepEqual(linesOf(['abcd', 'efgh', 'ijkl\nx']), ['abcde', 'x'])
  })

  it('of two streams do not run into each other', () => {
    const lines = new LastLines({ linesMax: 3, lengthMax: 9 })
    lines.add('stdout', Buffer.from('out'))
    lines.add('stderr', Buffer.from('err\n'))
    lines.add('stdout', Buffer.from('put\n'))
    assert.deepEqual(lines.lines, ['err', 'output'])
  })
})
