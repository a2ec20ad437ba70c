import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { claimedUrl, isWithinReach, placeOf } from './receiver-address.ts'

describe('the address of a receiver', () => {
  it('says which machine it means if it is a loopback one, and is none if it stands for all of a machine', () => {
    assert.equal(claimedUrl('ws://10.0.0.1:7070', 'm'), 'ws://10.0.0.1:7070')
    assert.equal(claimedUrl('ws://127.0.0.1:7070', 'a b'), 'ws://127.0.0.1:7070/#a%20b')
    assert.equal(claimedUrl('wss://[::1]:7070', 'm'), 'wss://[::1]:7070/#m')
    for (const all of ['ws://0.0.0.0:7070', 'ws://[::]:7070', '']) assert.equal(claimedUrl(all, 'm'), '')
  })

  const same: [one: string, other: string, expected: boolean][] = [
    ['ws://10.0.0.1:7070', 'ws://10.0.0.1:7070', true],
    ['ws://10.0.0.1:7070', 'ws://10.0.0.1:7071', false],
    ['ws://10.0.0.1:7070', 'ws://10.0.0.2:7070', false],
    ['ws://host:80', 'ws://host', true],
    ['wss://host:443', 'wss://host/', true],
    ['ws://localhost:7070/#here', 'ws://127.0.0.1:7070', true],
    ['ws://127.0.0.1:7070/#there', 'ws://127.0.0.1:7070', false],
  ]
  for (const [one, other, expected] of same)
    it(`${one} and ${other} are ${expected ? 'the same place' : 'two places'} for one on "here"`, () => {
      assert.equal(placeOf(one, 'here') === placeOf(other, 'here'), expected)
    })

  it('proves nothing where it is another place from here', () => {
    assert.ok(isWithinReach('ws://10.0.0.1:7070', 'here'))
    assert.ok(isWithinReach('ws://127.0.0.1:7070/#here', 'here'))
    for (const url of ['ws://127.0.0.1:7070/#there', 'ws://127.0.0.1:7070', 'ws://0.0.0.0:7070', '', 'nonsense'])
      assert.ok(!isWithinReach(url, 'here'), url)
  })
})
