import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { additionsOf, type Present, removalsOf } from './member-changes.ts'
import { replicasMax } from './replica-names.ts'

const spawning: Present = {
  names: ['10.0.0.1:80', 'server-1', 'server-2'],
  spawned: ['server-2', 'server-1'],
  removed: [],
  spawns: true,
}
const registering: Present = { names: ['b-1', 'c-1:1'], spawned: [], removed: ['b-2'], spawns: false }

describe('what is added', () => {
  const cases: [what: string, present: Present, body: unknown, expected: unknown][] = [
    ['missing names are made up, the lowest that are free', spawning, { n: 2 }, { spawn: ['server-3', 'server-4'] }],
    ['names given come first', spawning, { n: 2, names: ['server-3'] }, { spawn: ['server-3', 'server-4'] }],
    ['hostnames is another word for names', spawning, { n: 1, hostnames: ['S5'] }, { spawn: ['S5'] }],
    [
      'an address is registered',
      registering,
      { n: 1, names: ['h:1'] },
      { register: [{ name: 'h:1', url: 'http://h:1/', weight: 1 }] },
    ],
    [
      'a URL is called by its host',
      registering,
      { n: 1, names: ['http://h/'] },
      { register: [{ name: 'h:80', url: 'http://h/', weight: 1 }] },
    ],
    ['what the receivers tell of is put back by name', registering, { n: 1, names: ['b-2'] }, { restore: ['b-2'] }],
  ]
  for (const [what, present, body, expected] of cases)
    it(what, () => {
      const change = { spawn: [], register: [], restore: [], ...(expected as object) }
      assert.deepEqual(additionsOf(body, present), { ok: true, change })
    })

  const refusals: [what: string, present: Present, body: unknown, says: RegExp][] = [
    ['more names than n', spawning, { n: 1, names: ['x', 'y'] }, /more than newly added/],
    ['a name with a space', spawning, { n: 1, names: ['a b'] }, /"a b" is no name/],
    ['a name that is an option', spawning, { n: 1, names: ['--privileged'] }, /is no name/],
    ['a name with a path', spawning, { n: 1, names: ['../x'] }, /is no name/],
    ['a name that is too long', spawning, { n: 1, names: ['x'.repeat(64)] }, /is no name/],
    ['an empty name', spawning, { n: 1, names: [''] }, /is no name/],
    ['a name that is there', spawning, { n: 2, names: ['x', 'server-1'] }, /"server-1" is there already/],
    ['a name twice', spawning, { n: 2, names: ['x', 'x'] }, /"x" is named twice/],
    ['more than there can be', spawning, { n: replicasMax }, /1000 replicas at most/],
    ['a number of the wrong kind', spawning, { n: '2' }, /positive whole number/],
    ['a fraction', spawning, { n: 1.5 }, /positive whole number/],
    ['none', spawning, { n: 0 }, /positive whole number/],
    ['names that are no list', spawning, { n: 1, names: 'x' }, /must be a list/],
    ['a name that is no text', spawning, { n: 1, names: [1] }, /must be a list of texts/],
    ['both spellings at once', spawning, { n: 1, names: [], hostnames: [] }, /not both/],
    ['nothing', spawning, undefined, /Expected a JSON object/],
    ['the same address in two spellings', registering, { n: 2, names: ['h:1', 'http://h:1'] }, /"h:1" is named twice/],
    ['a member of that name', registering, { n: 1, names: ['b-1'] }, /"b-1" is there already/],
    ['an address with a password', registering, { n: 1, names: ['http://u:p@h'] }, /is no address/],
  ]
  for (const [what, present, body, says] of refusals)
    it(`refuses ${what}`, () => {
      const decided = additionsOf(body, present)
      assert.ok(!decided.ok)
      assert.match(decided.message, says)
    })
})

describe('what is removed', () => {
  const cases: [what: string, body: unknown, expected: string[]][] = [
    ['those spawned last go first', { n: 1 }, ['server-1']],
    ['then those that were not spawned', { n: 3 }, ['server-1', 'server-2', '10.0.0.1:80']],
    ['names given come first', { n: 2, names: ['server-2'] }, ['server-2', 'server-1']],
    ['an address may be said as a URL', { n: 1, hostnames: ['http://10.0.0.1'] }, ['10.0.0.1:80']],
  ]
  for (const [what, body, expected] of cases)
    it(what, () => assert.deepEqual(removalsOf(body, spawning), { ok: true, change: expected }))

  it('refuses more names than n', () => {
    const decided = removalsOf({ n: 1, names: ['server-1', 'server-2'] }, spawning)
    assert.match(decided.ok ? '' : decided.message, /more than removable/)
  })

  it('refuses a name twice, in two spellings too', () => {
    const decided = removalsOf({ n: 2, names: ['10.0.0.1:80', 'http://10.0.0.1'] }, spawning)
    assert.deepEqual(decided, { ok: false, message: '<Error> "10.0.0.1:80" is named twice' })
  })
})

it('whatever is asked: all of it or a line that says why, never a name twice', () => {
  const name = fc.constantFrom('server-1', 'server-2', 'server-9', 'x', 'a b', '')
  const body = fc.record({ n: fc.integer({ min: -1, max: 5 }), names: fc.array(name, { maxLength: 5 }) })
  fc.assert(
    fc.property(body, (asked) => {
      const added = additionsOf(asked, spawning)
      if (added.ok) {
        const all = [...spawning.names, ...added.change.spawn]
        assert.equal(new Set(all).size, spawning.names.length + asked.n)
      } else assert.match(added.message, /^<Error> \S.*$/)
      const removed = removalsOf(asked, spawning)
      if (!removed.ok) return
      assert.equal(new Set(removed.change).size, asked.n)
      assert.ok(removed.change.every((one) => spawning.names.includes(one)))
    }),
  )
})
