import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { mutations } from './list.ts'
import { fileOf, type Mutation, mutated } from './mutation.ts'

const root = join(import.meta.dirname, '../../..')

for (const mutation of mutations) {
  test(`what "${mutation.name}" changes stands in the code exactly once`, async () => {
    assert.ok(mutation.edits.length > 0)
    for (const file of new Set(mutation.edits.map((edit) => edit.file))) {
      const source = await readFile(join(root, file), 'utf8')
      assert.notEqual(mutated(mutation, file, source), source)
    }
  })
}

test('mutations have names of their own', () => {
  assert.equal(new Set(mutations.map(({ name }) => name)).size, mutations.length)
})

const example: Mutation = {
  name: 'example',
  rule: 'one is one',
  edits: [{ file: 'a.ts', find: 'one', replace: 'two $& three' }],
  trial: { by: 'random worlds' },
}

test('a mutation replaces as it says, and only in its own file', () => {
  assert.equal(mutated(example, 'a.ts', 'say one now'), 'say two $& three now')
  assert.equal(mutated(example, 'b.ts', 'say one now'), 'say one now')
})

test('a mutation that matches nowhere or twice is an error', () => {
  assert.throws(() => mutated(example, 'a.ts', 'zero'), /stands 0 times/)
  assert.throws(() => mutated(example, 'a.ts', 'one and one'), /stands 2 times/)
})

test('only files of the repository are changed', () => {
  assert.equal(fileOf('file:///repository/checkpoint/fold.ts', '/repository'), 'checkpoint/fold.ts')
  assert.equal(fileOf('file:///other/fold.ts', '/repository'), null)
  assert.equal(fileOf('node:fs', '/repository'), null)
})
