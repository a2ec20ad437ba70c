import assert from 'node:assert/strict'
import { test } from 'node:test'
import { agoText, clockText, countOf, figureText, forText, placeText, sentence, shareText, spanText } from './words.ts'

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

test('a span has three digits at most, and the units that a person would choose', () => {
  const table: [number, string][] = [
    [-3, '0 ms'],
    [0, '0 ms'],
    [0.04, '0 ms'],
    [0.05, '0.1 ms'],
    [4.21, '4.2 ms'],
    [9.96, '10 ms'],
    [41.4, '41 ms'],
    [999.4, '999 ms'],
    [999.6, '1.00 s'],
    [1_250, '1.25 s'],
    [9_996, '10.0 s'],
    [59_900, '59.9 s'],
    [minute, '1 min'],
    [3 * minute + 5 * second, '3 min 5 s'],
    [2 * hour + 10 * minute, '2 h 10 min'],
    [4 * day + 3 * hour, '4 d 3 h'],
  ]
  for (const [spanMs, text] of table) assert.equal(spanText(spanMs), text, `${spanMs} ms`)
})

test('how long ago is said in one whole unit, singular where it is one', () => {
  const table: [number, string][] = [
    [-500, 'just now'],
    [1_999, 'just now'],
    [2_000, '2 seconds ago'],
    [59_999, '59 seconds ago'],
    [minute, '1 minute ago'],
    [3 * minute + 50 * second, '3 minutes ago'],
    [hour, '1 hour ago'],
    [day - 1, '23 hours ago'],
    [5 * day, '5 days ago'],
  ]
  for (const [elapsedMs, text] of table) assert.equal(agoText(elapsedMs), text)
  assert.equal(forText(800), 'a moment')
  assert.equal(forText(3 * minute), '3 minutes')
})

test('figures keep the width of their place: no more than four digits and a letter', () => {
  const table: [number, string][] = [
    [0, '0'],
    [0.04, '0'],
    [4.23, '4.2'],
    [9.96, '10'],
    [980.4, '980'],
    [9_999, '9,999'],
    [12_440, '12.4 k'],
    [3_100_000, '3.1 M'],
  ]
  for (const [value, text] of table) assert.equal(figureText(value), text, `${value}`)
})

test('counts, shares, addresses and sentences', () => {
  assert.equal(countOf(1, 'backend'), '1 backend')
  assert.equal(countOf(0, 'backend'), '0 backends')
  assert.equal(countOf(2, 'crash', 'crashes'), '2 crashes')
  assert.equal(shareText(0.126), '13 %')
  assert.equal(shareText(-1), '0 %')
  assert.equal(placeText('ws://127.0.0.1:7070/'), '127.0.0.1:7070')
  assert.equal(sentence('its connection was closed'), 'Its connection was closed.')
  assert.equal(sentence('Done!'), 'Done!')
  assert.equal(sentence('backend-2 leads now'), 'backend-2 leads now.')
})

test('the time of day has milliseconds only where they are asked for', () => {
  const atMs = new Date(2026, 2, 1, 4, 3, 7, 41).getTime()
  assert.equal(clockText(atMs), '04:03:07')
  assert.equal(clockText(atMs, true), '04:03:07.041')
})
