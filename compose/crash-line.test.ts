import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { announceCrash } from '../heartbeat-receiver/announcements.ts'
import { wordCrash } from '../heartbeat-receiver/crash-wording.ts'
import type { Crash } from '../heartbeat-receiver/events.ts'
import { crashBlock } from './crash-block.ts'
import { crashOfLine, crashText } from './crash-line.ts'
import { painted, unpainted, widthOf } from './live/picture.ts'

const crash: Crash = {
  ...{ name: 'a', incarnation: 'a-1', reason: 'silent for 205 ms', proven: false, tookMs: 1 },
  ...{ lastLines: ['TypeError: no seat', '    at book (seats.ts:12)'], leader: { name: 'b', epoch: 2, decided: true } },
}

/** The line as a receiver writes it. */
function lineOf(told: Crash): Record<string, unknown> {
  const lines: string[] = []
  announceCrash(pino({}, { write: (text: string) => void lines.push(text) }), told, wordCrash(told))
  return JSON.parse(lines[0]!)
}

test('the line of a receiver holds all that the block says', () => {
  assert.deepEqual(crashOfLine(lineOf(crash)), {
    happened: 'a is lost: silent for 205 ms',
    done: 'b leads now with epoch 2, decided in 1 ms',
    advice: wordCrash(crash).advice,
    lastLines: crash.lastLines,
  })
})

test('lines of other events, and of receivers that do not say what was done, stay lines', () => {
  assert.equal(crashOfLine({ event: 'decided', backend: 'a', done: 'x' }), undefined)
  assert.equal(crashOfLine({ event: 'crashed', backend: 'a', reason: 'x' }), undefined)
})

test('the block says in order what happened, what was done, what is to do and what was said last', () => {
  const text = crashText(crashOfLine(lineOf(crash))!, 0, { columns: 200 }, unpainted)
  assert.match(
    text,
    /^\n┏ ✖ [\d:.]{12} a is lost: silent for 205 ms\n┃ done +b leads now .*\n┃ to do +it is not certain .*\n┃ it said +TypeError: no seat\n┗ + at book \(seats\.ts:12\)\n\n$/,
  )
})

test('where there is nothing to do, nothing is said of it', () => {
  const told = crashOfLine(lineOf({ ...crash, proven: true, lastLines: [] }))!
  assert.match(crashText(told, 0, { columns: 80 }, unpainted), /^\n┏ ✖ .*\n┗ done .*\n\n$/)
})

test('what was said last cannot leave its block, and is cut to what is asked for', () => {
  const told = { happened: 'a crashed', done: 'x', advice: null, lastLines: ['one', 'two\u001b[2J\nthree', 'four'] }
  const lines = crashBlock(told, '', { columns: 80, lastLinesMax: 2 }).map((line) => painted(line, unpainted))
  assert.deepEqual(lines.slice(2), ['┃ it said  two three', '┗          four'])
})

test('no line is wider than the terminal, however long its words are', () => {
  const told = { happened: 'x'.repeat(300), done: 'word '.repeat(40).trim(), advice: '東京'.repeat(30), lastLines: [] }
  for (const columns of [20, 33, 80])
    for (const line of crashBlock(told, '12:00:00', { columns })) assert.ok(widthOf(line) <= columns)
})
