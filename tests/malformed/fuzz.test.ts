import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../compose/load/random.ts'
import { readArrived } from './arrived-requests.ts'
import { corpus } from './corpus.ts'
import { faultsOf, runFuzz } from './fuzz-run.ts'
import { mutant, pieces } from './mutations.ts'

const originals = corpus.map(({ bytes }) => bytes)

it('5,000 mutants leave the balancer well, and nothing but sound requests reaches the backend', async () => {
  const report = await runFuzz({ requests: 5_000, seed: 1, connections: 64 })
  assert.deepEqual(faultsOf(report), [])
  assert.equal(report.requests, 5_000)
  assert.ok(report.passed > 500, `${report.passed} passed`)
})

describe('a mutant', () => {
  it('is the same for the same seed', () => {
    const made = () => Array.from({ length: 200 }, (_, seed) => mutant(originals, seededRandom(seed)))
    assert.deepEqual(made(), made())
    assert.ok(new Set(made()).size > 190)
  })

  it('is sent whole, however it is cut', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), (bytes, seed) => {
        assert.equal(pieces(bytes, seededRandom(seed)).join(''), bytes)
      }),
    )
  })
})

describe('the recorder', () => {
  const sound = 'POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'
  it('reads a sound request, and waits for one that is cut', () => {
    assert.equal(readArrived(sound + sound).requests.length, 2)
    for (let end = 1; end < sound.length; end += 1) {
      const { requests, violation } = readArrived(sound.slice(0, end))
      assert.deepEqual([requests, violation], [[], undefined])
    }
  })

  const unsound: [string, string, string][] = [
    ['a second length', '\r\nTransfer', '\r\nContent-Length: 3\r\nTransfer'],
    ['another coding', 'chunked', 'x, chunked'],
    ['a space ahead of a colon', 'Host:', 'Host :'],
    ['a second Host', 'Host: a', 'Host: a\r\nHost: a'],
    ['a bare LF', 'Host: a\r\n', 'Host: a\n'],
    ['a folded line', 'Host: a', 'X: y\r\n z\r\nHost: a'],
    ['an extension', '3\r\n', '3;a\r\n'],
    ['a forbidden trailer', '0\r\n\r\n', '0\r\nHost: b\r\n\r\n'],
    ['an absolute target', '/x', 'http://a/x'],
    ['another version', '1.1', '1.0'],
  ]
  for (const [title, from, to] of unsound) {
    it(`sees ${title}`, () => assert.notEqual(readArrived(sound.replace(from, to)).violation, undefined))
  }
})
