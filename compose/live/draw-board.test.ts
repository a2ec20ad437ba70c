import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import stringWidth from 'string-width'
import type { Board, BoardBackend, BoardCrash, BoardReign } from '../../heartbeat-receiver/dashboard/board.ts'
import { sampleAtMs, sampleBoard } from '../../heartbeat-receiver/dashboard/sample-board.ts'
import { drawBoard } from './draw-board.ts'
import type { Paint } from './picture.ts'
import { noPulses, type Pulses, pulsesAfter } from './pulses.ts'

process.env.TZ = 'UTC' // the time of day is that of whoever looks

const pictures = join(import.meta.dirname, 'pictures')
const nowMs = sampleAtMs
const names = sampleBoard().backends.map(({ name }) => name)

/** Ten windows of two beats; the first backend died in the middle. */
const pulses = Array.from({ length: 10 }, (_, index) => index).reduce<Pulses>(
  (before, index) =>
    pulsesAfter(before, new Map(names.map((name, place) => [name, place === 0 && index > 5 ? 0 : 2])), names),
  noPulses,
)

describe('the board on a terminal', () => {
  // To make them anew: HEARTLINE_DRAW=1 node --test compose/live/draw-board.test.ts, and look at what has changed.
  for (const [columns, rows] of [
    [60, 24],
    [80, 30],
    [120, 40],
  ] as const)
    it(`is drawn as ever, ${columns} columns by ${rows} lines`, async () => {
      const file = join(pictures, `${columns}x${rows}.txt`)
      const drawn = `${drawBoard(sampleBoard(), { columns, rows, nowMs, pulses }).join('\n')}\n`
      if (process.env.HEARTLINE_DRAW) await writeFile(file, drawn)
      assert.equal(drawn, await readFile(file, 'utf8'))
    })

  it('says the same without colours as with them', () => {
    const options = { columns: 100, rows: 50, nowMs, pulses }
    const colours: Paint = (meaning, text) => `\u001b[${meaning.length}m${text}\u001b[0m`
    const coloured = drawBoard(sampleBoard(), { ...options, colours })
    assert.deepEqual(coloured.map(stripVTControlCharacters), drawBoard(sampleBoard(), options))
    assert.notDeepEqual(coloured, drawBoard(sampleBoard(), options))
  })

  it('tells first who is active, then what else there is room for', () => {
    const lines = drawBoard(sampleBoard(), { columns: 80, rows: 2, nowMs })
    assert.match(lines[0]!, /^Heartline {2}receiver-1 decides +12:00:00$/)
    assert.match(lines[1]!, /^● backend-2 is active, epoch 8, for 2 s$/)
    assert.equal(lines.length, 2)
  })

  it('tells that nobody is active, that the journal is away, and what the view itself has to say', () => {
    const board: Board = {
      ...sampleBoard(),
      shards: [{ shard: 0, epoch: 8, active: null, sinceMs: null }],
      journal: { reachable: false, offset: 0, recordsPerSecond: 0 },
    }
    const text = drawBoard(board, { columns: 80, rows: 40, nowMs, notice: 'lost it' }).join('\n')
    assert.match(text, /^Heartline {2}lost it/)
    assert.match(text, /✖ nobody is active, epoch 8: requests are held/)
    assert.match(text, /✖ no backend reaches the journal/)
  })

  it('counts what it leaves out', () => {
    const backends = Array.from({ length: 200 }, (_, index) => ({ ...sampleBoard().backends[1]!, name: `b-${index}` }))
    const lines = drawBoard({ ...sampleBoard(), backends }, { columns: 80, rows: 24, nowMs })
    assert.ok(lines.length <= 24)
    assert.ok(lines.some((line) => /… and 19\d more lines/.test(line)))
  })

  it('leaves crashes out where they are told elsewhere', () => {
    const options = { columns: 80, rows: 60, nowMs }
    assert.match(drawBoard(sampleBoard(), options).join('\n'), /backend-1 crashed/)
    assert.doesNotMatch(drawBoard(sampleBoard(), { ...options, crashes: false }).join('\n'), /crashed/)
  })

  it('whatever the board and the size: no line is wider, there are no more, and none steers the terminal', () => {
    fc.assert(
      fc.property(
        anyBoard(),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 70 }),
        (board, columns, rows) => {
          const lines = drawBoard(board, { columns, rows, nowMs, pulses })
          assert.ok(lines.length <= rows, `${lines.length} lines of ${rows}`)
          for (const line of lines) {
            assert.ok(stringWidth(line) <= columns, `${stringWidth(line)} of ${columns}: ${line}`)
            assert.doesNotMatch(line, /[\p{Cc}\n]/u)
          }
        },
      ),
      { numRuns: 150 },
    )
  })
})

/** Boards of all sizes, with names and reasons of all kinds, also such as would steer a terminal. */
function anyBoard(): fc.Arbitrary<Board> {
  const sample = sampleBoard()
  const text = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.string({ unit: 'grapheme', maxLength: 30 }),
    fc.constantFrom('\u001b[2J\u001b[31mred', 'two\nlines', '東京の障害', 'a\tb', '👨‍👩‍👧', ''),
  )
  const time = fc.oneof(fc.constant(null), fc.integer({ min: nowMs - 1e6, max: nowMs + 1e4 }))
  const backend: fc.Arbitrary<BoardBackend> = fc.record({
    ...constants(sample.backends[1]!),
    ...{
      name: text,
      alive: fc.boolean(),
      active: fc.boolean(),
      draining: fc.boolean(),
      lag: fc.nat(),
      gone: fc.option(text),
    },
    silence: fc.double({ min: 0, max: 3, noNaN: true }),
    progress: fc.option(
      fc.record({ ratio: fc.double({ min: 0, max: 1, noNaN: true }), remainingMs: fc.option(fc.nat()) }),
    ),
  })
  const reign: fc.Arbitrary<BoardReign> = fc.record({
    ...constants(sample.reigns[2]!),
    ...{ epoch: fc.nat(), name: text, previous: fc.option(text), planned: fc.boolean(), held: fc.option(fc.nat()) },
    ...{ readyAtMs: time, firstAnswerAtMs: time, endedAtMs: time },
  })
  const crash: fc.Arbitrary<BoardCrash> = fc.record({
    ...constants(sample.crashes[0]!),
    ...{ name: text, reason: text, lastLines: fc.array(text, { maxLength: 12 }), done: text, advice: fc.option(text) },
  })
  const several = <Item>(item: fc.Arbitrary<Item>) => fc.array(item, { maxLength: 8 })
  return fc.record({
    ...constants({ ...sample, traffic: sample.traffic.slice(-5) }),
    receiver: fc.record({ ...constants(sample.receiver), name: text }),
    receivers: several(
      fc.record({
        url: text,
        name: fc.option(text),
        leads: fc.boolean(),
        reachable: fc.boolean(),
        problem: fc.option(text),
      }),
    ),
    shards: several(fc.record({ shard: fc.nat(64), epoch: fc.nat(), active: fc.option(text), sinceMs: time })),
    backends: several(backend),
    balancers: several(
      fc.record({ name: text, sinceMs: fc.constant(0), figures: fc.option(fc.record(constants(sample.traffic[0]!))) }),
    ),
    reigns: several(reign),
    crashes: several(crash),
  })
}

function constants<Value extends object>(value: Value): { [Key in keyof Value]: fc.Arbitrary<Value[Key]> } {
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fc.constant(one)])) as never
}
