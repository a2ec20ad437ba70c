import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decided, hinted, parseHint, type Target } from './routing.ts'

const decision = (epoch: number, name: string, incarnation = `${name}-1`) => ({
  shard: 0,
  epoch,
  name,
  incarnation,
  url: `http://${name}:1`,
  exactlyOnce: true,
})
const target = (epoch: number, name: string) => {
  const change = decided(undefined, decision(epoch, name))
  assert.equal(change.type, 'moved')
  return (change as { target: Target }).target
}

describe('a decision', () => {
  it('moves requests to another backend, or to a new incarnation at the same URL', () => {
    assert.equal(decided(target(1, 'a'), decision(2, 'b')).type, 'moved')
    assert.equal(decided(target(1, 'a'), decision(2, 'a', 'a-2')).type, 'moved')
  })

  it('that names the same incarnation again leaves requests where they wait', () => {
    const change = decided(target(1, 'a'), decision(2, 'a'))
    assert.deepEqual(change, { type: 'renewed', target: target(2, 'a') })
  })

  it('that is old or known changes nothing', () => {
    assert.equal(decided(target(2, 'a'), decision(1, 'b')).type, 'none')
    assert.equal(decided(target(2, 'a'), decision(2, 'a')).type, 'none')
  })
})

describe('a hint', () => {
  it('is followed above the known epoch, and under it where the journal has another claimant, but never below', () => {
    const current = target(5, 'a')
    assert.equal(hinted(current, { epoch: 4, url: 'http://b:1' }).type, 'none')
    assert.equal(hinted(current, { epoch: 5, url: 'http://a:1' }).type, 'none')
    assert.equal(hinted(current, { epoch: 5, url: 'http://b:1' }).type, 'moved')
    const change = hinted(current, { epoch: 6, url: 'http://b:1' })
    assert.equal(change.type, 'moved')
    assert.equal(hinted(current, { epoch: 6, url: 'http://a:1' }).type, 'renewed')
    assert.equal(hinted(undefined, { epoch: 6, url: 'http://a:1' }).type, 'none')
  })

  it('is overruled by the decision of the same epoch, and confirmed without a move', () => {
    const change = hinted(target(5, 'a'), { epoch: 6, url: 'http://b:1' })
    const hintedTarget = (change as { target: Target }).target
    assert.equal(decided(hintedTarget, decision(6, 'b')).type, 'renewed')
    assert.equal(decided(hintedTarget, decision(6, 'c')).type, 'moved')
  })

  it('is an epoch and an http URL, and nothing else', () => {
    assert.deepEqual(parseHint('7 http://b:1'), { epoch: 7, url: 'http://b:1' })
    for (const text of [
      '',
      '7',
      '7 -',
      'x http://b:1',
      '7 http://b:1 more',
      '7 file:///etc',
      '0 http://b:1',
      '1.5 http://b:1',
    ]) {
      assert.equal(parseHint(text), undefined, text)
    }
    fc.assert(fc.property(fc.string(), (text) => void parseHint(text)))
  })
})

it('the epoch that is followed never falls, and the order of news does not change where it ends', () => {
  const news = fc.array(fc.record({ epoch: fc.integer({ min: 1, max: 6 }), hint: fc.boolean() }), { maxLength: 20 })
  // One epoch names one backend, so the backend follows from the epoch.
  const nameOf = (epoch: number) => ['a', 'b', 'c'][epoch % 3]!
  const follow = (items: { epoch: number; hint: boolean }[]) => {
    let current = target(1, nameOf(1))
    for (const { epoch, hint } of items) {
      const name = nameOf(epoch)
      const change = hint
        ? hinted(current, { epoch, url: `http://${name}:1` })
        : decided(current, decision(epoch, name))
      if (change.type === 'none') continue
      assert.ok(change.target.epoch >= current.epoch)
      assert.equal(change.type === 'renewed', change.target.url === current.url)
      current = change.target
    }
    return `${current.epoch} ${current.url}`
  }
  fc.assert(fc.property(news, (items) => assert.equal(follow(items), follow([...items].reverse()))))
})
