import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type HeardMember, Membership } from './membership.ts'

function heard(name: string, incarnation = `${name}-1`): HeardMember {
  return {
    name,
    incarnation,
    url: `http://${name}`,
    weight: 1,
    exactlyOnce: true,
    phase: 'standby',
    lag: 0,
  }
}
const names = (membership: Membership) => membership.members.map(({ name }) => name)

test('members are those heard and those registered, by name', () => {
  const membership = new Membership()
  membership.register({ name: 'b', url: 'http://b' })
  membership.heard([heard('c'), heard('a')])
  assert.deepEqual(names(membership), ['a', 'b', 'c'])
})

test('what the receivers tell of a name beats what was registered, and is gone with their next word', () => {
  const membership = new Membership()
  membership.register({ name: 'a', url: 'http://by-hand' })
  membership.heard([heard('a')])
  assert.equal(membership.members[0]!.url, 'http://a')
  membership.heard([])
  assert.equal(membership.members[0]!.url, 'http://by-hand')
})

test('a removed backend stays out until a new incarnation joins or it is registered', () => {
  const membership = new Membership()
  membership.heard([heard('a'), heard('b')])
  assert.equal(membership.remove('a'), true)
  membership.heard([heard('a'), heard('b')])
  assert.deepEqual(names(membership), ['b'])
  membership.heard([heard('a', 'a-2'), heard('b')])
  assert.deepEqual(names(membership), ['a', 'b'])
  membership.remove('a')
  membership.register({ name: 'a', url: 'http://by-hand' })
  assert.equal(membership.members[0]!.url, 'http://a')
})

test('a removed backend that left and came back unchanged is still out', () => {
  const membership = new Membership()
  membership.heard([heard('a')])
  membership.remove('a')
  membership.heard([])
  membership.heard([heard('a')])
  assert.deepEqual(names(membership), [])
})

test('nothing that is not there can be removed', () => {
  const membership = new Membership()
  let changes = 0
  membership.onChange(() => changes++)
  assert.equal(membership.remove('a'), false)
  assert.equal(changes, 0)
})

test('each change makes a new list and is told', () => {
  const membership = new Membership()
  const lists = new Set<unknown>([membership.members])
  membership.onChange(() => lists.add(membership.members))
  membership.register({ name: 'a', url: 'http://a' })
  membership.remove('a')
  assert.equal(lists.size, 3)
})

test('what was removed can be put back by its name alone, as long as the receivers tell of it', () => {
  const membership = new Membership()
  membership.heard([heard('a'), heard('b')])
  membership.remove('a')
  assert.deepEqual(membership.removed, ['a'])
  assert.deepEqual([membership.restore('b'), membership.restore('c'), membership.restore('a')], [false, false, true])
  assert.deepEqual(names(membership), ['a', 'b'])
  membership.remove('a')
  membership.heard([heard('b')])
  assert.deepEqual([membership.removed, membership.restore('a')], [[], false])
})
