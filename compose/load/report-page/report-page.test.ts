import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { loadOptions } from '../config.ts'
import { finding } from '../findings.ts'
import { reportOf } from '../report.ts'
import { Tally } from '../tally.ts'
import { htmlReport } from './html-report.ts'
import { escapeMarkup, scriptJson } from './markup.ts'
import { pageAssets } from './page-assets.ts'
import { type RunStory, storyOf } from './run-story.ts'
import { svgReport } from './svg-report.ts'
import { axisTicks, compactNumber, linePath, scaleOf } from './svg-scale.ts'

const nasty = `</script><script>alert(1)</script><!--"'&\u2028`

/** A run of four seconds in which `first` dies after two and `second` goes on 120 ms later. */
function story(first = 'first', second = 'second'): RunStory {
  const tally = new Tally(1_000)
  for (let atMs = 0; atMs < 4_000; atMs += 4) {
    const dead = atMs >= 2_000 && atMs < 2_120
    const endMs = 1_000 + (dead ? 2_120 : atMs) + 3
    const after = atMs >= 2_000
    tally.add({
      intendedMs: 1_000 + atMs,
      endMs,
      error: undefined,
      backend: after ? second : first,
      epoch: after ? 8 : 7,
    })
  }
  tally.add({ intendedMs: 5_000, endMs: 5_001, error: '503', backend: '', epoch: 0 })
  const findings = [finding('lost', first, 'gone')]
  const options = loadOptions.parse({ target: 'http://user:secret@127.0.0.1:8080/' })
  const result = { tally, findings, report: reportOf({ tally, findings, abandoned: 0 }) }
  return storyOf(options, result, new Date(0))
}

test('the story tells the failover as a pause, with who took over', () => {
  const [pause, ...more] = story().pauses
  assert.deepEqual(more, [])
  assert.deepEqual(
    { ...pause, atSeconds: Math.round(pause!.atSeconds * 1_000) },
    {
      atSeconds: 1_999,
      pauseMs: 124,
      failover: true,
      from: 'first',
      to: 'second',
      epoch: 8,
    },
  )
})

test('of many pauses the longest are told, and every failover', () => {
  const tally = new Tally(0)
  let atMs = 0
  for (let index = 0; index < 40; index++) {
    for (let quick = 0; quick < 50; quick++)
      tally.add({ intendedMs: atMs, endMs: atMs++, error: undefined, backend: 'a', epoch: 1 })
    atMs += 1_000 + index
  }
  tally.add({ intendedMs: atMs, endMs: atMs + 1, error: undefined, backend: 'b', epoch: 2 })
  const result = { tally, findings: [], report: reportOf({ tally, findings: [], abandoned: 0 }) }
  const { pauses } = storyOf(loadOptions.parse({}), result, new Date(0))
  assert.equal(pauses.length, 21)
  assert.deepEqual([pauses.at(-1)?.failover, pauses.filter(({ failover }) => failover).length], [true, 1])
  assert.equal(Math.round(Math.min(...pauses.map(({ pauseMs }) => pauseMs))), 1_020)
})

test('no password of a URL is in the report', () => {
  assert.equal(story().title, 'Load on http://127.0.0.1:8080')
})

test('the page needs no network and can be read without JavaScript', async () => {
  const page = htmlReport(story(), await pageAssets())
  assert.doesNotMatch(page, /(src|href|@import|url\()\s*=?\s*["']?https?:/i)
  assert.doesNotMatch(page, /<(link|img|iframe|object)\b/i)
  assert.match(page, /default-src 'none'/)
  assert.match(page, /uPlot/)
  for (const told of [
    /<th scope="row">requests<\/th><td>1001, 1000 ok<\/td>/,
    /503: 1/,
    /failover from first to second, epoch 8/,
    /lost first: gone/,
  ])
    assert.match(page, told)
  assert.match(page, /<noscript><svg /)
})

test('the data in the page is the run', async () => {
  const page = htmlReport(story(), await pageAssets())
  const data = /<script type="application\/json" id="run">(.*)<\/script>/.exec(page)![1]!
  const run = JSON.parse(data)
  assert.deepEqual(run.backends, ['first', 'second'])
  assert.equal(run.points.length, 81)
  assert.equal(run.pauses.length, 1)
})

test('names that a backend makes up end no element', async () => {
  const plain = htmlReport(story(), await pageAssets())
  const page = htmlReport(story(nasty, `${nasty}2`), await pageAssets())
  const tags = (text: string) => text.match(/<\/?script/gi)?.length
  assert.equal(tags(page), tags(plain))
  assert.doesNotMatch(page, /alert\(1\)<\/script>/)
  assert.doesNotMatch(svgReport(story(nasty)), /<script/)
})

test('text in markup comes out as it went in, and ends nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.doesNotMatch(escapeMarkup(text), /[<>"']/)
      const json = scriptJson({ text })
      assert.doesNotMatch(json, /[<>&]/)
      assert.equal(JSON.parse(json).text, text)
    }),
  )
})

test('the plot is drawn also of a run in which nothing came', () => {
  const tally = new Tally(0)
  const report = reportOf({ tally, findings: [], abandoned: 3 })
  const svg = svgReport(storyOf(loadOptions.parse({}), { tally, findings: [], report }, new Date(0)))
  assert.doesNotMatch(svg, /NaN|Infinity|undefined/)
})

test('the plot marks the failover where it was, and has no number that is none', () => {
  const svg = svgReport(story())
  assert.doesNotMatch(svg, /NaN|Infinity|undefined/)
  // 880 wide for 4.05 s from 64 on: 1.999 s is at 498.4; 124 ms are 26.9 wide.
  assert.equal(svg.match(/<rect class="failover" x="498\.\d" y="0" width="26\.9"/g)?.length, 3)
})

test('scales, ticks and lines', () => {
  const linear = scaleOf([0, 10], [100, 0])
  assert.deepEqual([linear.at(0), linear.at(5), linear.at(99)], [100, 50, 0])
  assert.deepEqual(axisTicks(linear, 5), [0, 2, 4, 6, 8, 10])
  const decades = scaleOf([0.1, 100], [0, 3], 'logarithmic')
  assert.deepEqual(
    [0.1, 1, 100].map((value) => Math.round(decades.at(value))),
    [0, 1, 3],
  )
  assert.deepEqual(axisTicks(decades, 5), [0.1, 1, 10, 100])
  assert.equal(
    linePath(
      [
        { at: 0, value: 0 },
        { at: 1, value: null },
        { at: 2, value: 10 },
        { at: 3, value: 5 },
      ],
      linear,
      linear,
    ),
    'M100.0 100.0M80.0 0.0L70.0 50.0',
  )
  assert.deepEqual([0.25, 1_200, 2_000_000].map(compactNumber), ['0.25', '1.2k', '2M'])
})
