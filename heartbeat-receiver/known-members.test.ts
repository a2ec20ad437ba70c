import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { KnownMembers } from './known-members.ts'
import { type Member, membersMax } from './protocol.ts'

const member = (name: string, more: Partial<Member> = {}): Member => ({
  ...{ name, incarnation: `${name}-1`, url: `http://${name}`, weight: 1, exactlyOnce: false },
  ...{ phase: 'standby', lag: 0, ...more },
})
const changed = (names: string, left = '') => ({
  type: 'members-changed' as const,
  members: [...names].map((name) => member(name)),
  left: [...left],
})
const part = (names: string, { first = false, last = false } = {}) => ({
  type: 'members' as const,
  ...{ first, last, members: [...names].map((name) => member(name)) },
})
const whole = (names: string) => part(names, { first: true, last: true })
const namesOf = (known: KnownMembers) =>
  known.members
    .map(({ name }) => name)
    .sort()
    .join('')

describe('known members', () => {
  it('are none before anything is told', () => {
    assert.deepEqual(new KnownMembers().members, [])
  })

  it('are a new array if anything has changed, and else the same', () => {
    const known = new KnownMembers()
    assert.equal(known.take('r', whole('ab')), true)
    const { members } = known
    assert.equal(known.take('r', whole('ab')), false)
    assert.equal(known.take('r', changed('a', 'z')), false)
    assert.equal(known.members, members)
    assert.equal(known.take('r', { type: 'members-changed', members: [member('a', { lag: 1 })], left: [] }), true)
    assert.notEqual(known.members, members)
  })

  it('are replaced by a whole list once its last part is there, with what changed meanwhile', () => {
    const known = new KnownMembers()
    known.take('r', whole('abc'))
    known.take('r', part('d', { first: true }))
    known.take('r', part('e'))
    assert.equal(namesOf(known), 'abc')
    known.take('r', changed('f', 'da'))
    assert.equal(namesOf(known), 'bcf')
    known.take('r', part('g', { last: true }))
    assert.equal(namesOf(known), 'efg')
  })

  it('take no list whose beginning was not heard', () => {
    const known = new KnownMembers()
    known.take('r', whole('abc'))
    known.take('r', part('d', { last: true }))
    assert.equal(namesOf(known), 'abc')
    known.take('r', part('d', { first: true }))
    known.lost('r')
    known.take('r', part('e', { last: true }))
    assert.equal(namesOf(known), 'abc', 'a list that was cut off is no list')
  })

  it('stay while no receiver is there, and while one that has just started knows only some', () => {
    const known = new KnownMembers()
    known.take('r', whole('abc'))
    known.lost('r')
    assert.equal(namesOf(known), 'abc')
    known.take('r', changed('ad'))
    assert.equal(namesOf(known), 'abcd')
    known.take('r', whole('ad'))
    assert.equal(namesOf(known), 'ad')
  })

  it('that only a lost receiver told stay until another tells its whole list', () => {
    const known = new KnownMembers()
    known.take('r', whole('abc'))
    known.lost('r')
    known.take('s', changed('d'))
    assert.equal(namesOf(known), 'abcd')
    known.take('s', whole('de'))
    assert.equal(namesOf(known), 'de')
  })

  it('that only a lost receiver told go with it if another has told its whole list and is heard', () => {
    const known = new KnownMembers()
    known.take('r', whole('ab'))
    known.take('s', whole('bc'))
    known.lost('r')
    assert.equal(namesOf(known), 'bc')
    known.take('s', { type: 'members-changed', members: [member('b', { phase: 'active' })], left: ['c'] })
    assert.deepEqual(known.members, [member('b', { phase: 'active' })], 'the lost one is believed no longer')
    known.lost('s')
    assert.equal(namesOf(known), 'b')
    known.take('r', changed('d'))
    assert.equal(known.lost('r'), false)
    assert.equal(namesOf(known), 'bd', 'who began again and told no whole list takes nobody’s place')
  })

  it('are all that any receiver hears', () => {
    const known = new KnownMembers()
    known.take('r', whole('ab'))
    known.take('s', whole('bc'))
    assert.equal(namesOf(known), 'abc')
    known.take('r', changed('', 'b'))
    assert.equal(namesOf(known), 'abc')
    known.take('s', changed('', 'b'))
    assert.equal(namesOf(known), 'ac')
  })

  it('are bounded', () => {
    const known = new KnownMembers()
    const many = Array.from({ length: membersMax }, (_, index) => member(`n${index}`))
    known.take('r', { type: 'members', first: true, last: false, members: many })
    known.take('r', { type: 'members', first: false, last: true, members: [member('z'), member('n1', { lag: 9 })] })
    known.take('s', whole('ab'))
    assert.equal(known.members.length, membersMax)
    assert.equal(known.members.find(({ name }) => name === 'n1')?.lag, 9, 'one that is known still changes')
  })
})
