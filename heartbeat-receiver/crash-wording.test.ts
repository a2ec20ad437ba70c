import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CrashCircumstances, wordCrash } from './crash-wording.ts'
import type { Crash } from './events.ts'

const nowMs = 1_800_000_000_000
const crash: Crash = {
  name: 'a',
  incarnation: 'a-1',
  reason: 'its connection was closed and a new one was refused',
  proven: true,
  lastLines: [],
  leader: { name: 'b', epoch: 2, decided: true },
  tookMs: 9.2468,
}
const calm: CrashCircumstances = {
  standbys: ['c'],
  starting: [],
  journalReachable: true,
  crashesAtMs: [nowMs],
  nowMs,
}
const nobody = { leader: null } as const
const crashes = (...agoMs: number[]) => ({ crashesAtMs: agoMs.map((ago) => nowMs - ago) })

const cases: [
  rule: string,
  crash: Partial<Crash>,
  circumstances: Partial<CrashCircumstances>,
  done: RegExp,
  advice: RegExp | null,
][] = [
  ['a failover with another standby left needs nobody', {}, {}, /^b leads now with epoch 2, decided in 9\.2 ms$/, null],
  [
    'a crashed standby changes nothing, while another is left',
    { leader: { name: 'b', epoch: 2, decided: false } },
    {},
    /^b still leads with epoch 2$/,
    null,
  ],
  ['the last standby is missed', {}, { standbys: [] }, /^b leads/, /^start a again, .* nobody could take over from b$/],
  ['one that is starting will be a standby', {}, { standbys: [], starting: [{ name: 'a', ratio: 0.2 }] }, /^b/, null],
  [
    'nobody left to lead is said with what becomes of requests',
    nobody,
    { standbys: [] },
    /^nobody can lead now; the balancers hold requests meanwhile$/,
    /^start a backend: .* refused with 503$/,
  ],
  [
    'who is starting will lead, and nobody has to do anything',
    nobody,
    {
      standbys: [],
      starting: [
        { name: 'b', ratio: 0.4399 },
        { name: 'c', ratio: null },
      ],
    },
    /meanwhile, and b \(43 %\) and c are starting$/,
    null,
  ],
  [
    'one alone that is starting is one',
    nobody,
    { starting: [{ name: 'b', ratio: null }] },
    /, and b is starting$/,
    null,
  ],
  [
    'a journal that is away comes before everything',
    nobody,
    { journalReachable: false, ...crashes(0, 1, 2) },
    /^nobody/,
    /^no backend reaches the journal: bring Kafka back/,
  ],
  [
    'the third crash within ten minutes is a loop',
    {},
    crashes(0, 30_000, 90_000),
    /^b leads/,
    /^a crashed 3 times within 2 minutes: look for the cause/,
  ],
  ['a quick loop is one of a minute', {}, crashes(0, 1, 2, 3), /^b/, /^a crashed 4 times within a minute/],
  ['crashes of long ago are no loop', {}, crashes(0, 1, 10 * 60_000), /^b leads/, null],
  [
    'one that may still live is to be looked at',
    { proven: false, reason: 'silent for 205 ms' },
    {},
    /^b leads/,
    /^it is not certain that the process is dead: look at it/,
  ],
]

for (const [rule, changes, circumstances, done, advice] of cases)
  test(rule, () => {
    const words = wordCrash({ ...crash, ...changes }, { ...calm, ...circumstances })
    assert.match(words.done, done)
    if (advice === null) assert.equal(words.advice, null)
    else assert.match(words.advice ?? '', advice)
    for (const text of [words.happened, words.done, words.advice ?? '']) assert.doesNotMatch(text, /\.$|\n/)
  })

test('what happened tells the certain from the likely', () => {
  assert.equal(wordCrash(crash).happened, 'a crashed: its connection was closed and a new one was refused')
  assert.match(wordCrash({ ...crash, proven: false }).happened, /^a is lost: /)
})

test('where nothing more is known, nothing is guessed', () => {
  assert.equal(wordCrash(crash).advice, null)
  assert.equal(wordCrash({ ...crash, ...nobody }).done, 'nobody can lead now; the balancers hold requests meanwhile')
})
