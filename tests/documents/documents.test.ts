/**
 * Every command of the documents is run by some test, names only what there is, and every link leads somewhere. The commands themselves are run
 * by `npm run test:documents`; this is the part that takes no time, so that nobody adds a command that nothing runs.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { allDocuments, root } from './all-documents.ts'
import { readDocument } from './document-commands.ts'
import { elsewhere } from './elsewhere.ts'
import { brokenLinks } from './links.ts'
import { commandOf } from './play.ts'
import { scenes } from './scenes.ts'
import { mistakesIn } from './usage.ts'

const documents = allDocuments()
const read = documents.map(({ path, markdown }) => readDocument(path, markdown))
const commands = read.flatMap((document) => document.commands)
const inScenes = new Set(scenes.flatMap(({ steps }) => steps.filter(({ own }) => !own).map(({ command }) => command)))

test('there are documents, and commands in them', () => {
  assert.ok(documents.some(({ path }) => path === 'README.md') && documents.some(({ path }) => path === 'docs/api.md'))
  assert.ok(commands.length > 50)
})

test('every command of the documents is run by a test', () => {
  const unknown = commands.filter(({ text }) => !inScenes.has(text) && !Object.hasOwn(elsewhere, text))
  assert.deepEqual(
    unknown.map(({ path, line, text }) => `${path}:${line}: ${text}`),
    [],
    'no test runs these: add each to tests/documents/scenes.ts or elsewhere.ts; what is no command belongs in a ``` fence',
  )
})

test('what the tables of commands have is in a document', () => {
  const told = new Set(commands.map(({ text }) => text))
  const stale = [...inScenes, ...Object.keys(elsewhere)].filter((text) => !told.has(text))
  assert.deepEqual(stale, [], 'no document has these (any more)')
})

test('what is said to be run elsewhere is run there', () => {
  const ciScript = readFileSync(join(root, '.ci/run'), 'utf8')
  for (const [command, entry] of Object.entries(elsewhere)) {
    if (entry.kind === 'ci') assert.ok(ciScript.split('\n').includes(entry.line), `.ci/run has ${command}`)
    else if (entry.kind === 'test')
      assert.ok(readFileSync(join(root, entry.path), 'utf8').includes(entry.has), `${entry.path} runs ${command}`)
    else assert.ok(existsSync(join(root, entry.checked)), `${entry.checked} checks ${command}`)
  }
})

test('every step of a scene says what shows that it worked, and its replacements replace something', () => {
  for (const { name, steps } of scenes)
    for (const { command, ready, prints, instead = [] } of steps) {
      assert.equal(Number(ready !== undefined) + Number(prints !== undefined), 1, `${name}: ${command}`)
      for (const [from] of instead) assert.ok(command.includes(from), `${name}: ${command} has ${from}`)
    }
})

test('what a scene runs in the place of a command is right usage too', async () => {
  const all = scenes.flatMap(({ steps }) => steps.map(commandOf))
  const found = await Promise.all(all.map(async (text) => [text, await mistakesIn(text, { values: true })] as const))
  assert.deepEqual(
    found.filter(([, mistakes]) => mistakes.length > 0),
    [],
  )
})

test('commands stand in fences that say so', () => {
  assert.deepEqual(
    read.flatMap(({ problems }) => problems),
    [],
  )
})

test('scripts, files, flags and values of every command are there, also of those that are only mentioned', async () => {
  const wrong: string[] = []
  for (const { commands: typed, inline } of read)
    for (const [found, values] of [
      [typed, true],
      [inline, false],
    ] as const)
      for (const { path, line, text } of found)
        for (const mistake of await mistakesIn(text, { values })) wrong.push(`${path}:${line}: ${text}: ${mistake}`)
  assert.deepEqual(wrong, [])
})

test('every link leads to a file that is there, and to a heading that it has', () => {
  assert.deepEqual(
    brokenLinks(documents, (path) => existsSync(join(root, path))),
    [],
  )
})

test('a link to a file or a heading that is not there is told with its line', () => {
  const documents = [
    { path: 'README.md', markdown: '# One\n[a](docs/a.md#two), [b](docs/b.md), [c](docs), [d](#one)' },
    { path: 'docs/a.md', markdown: '# Three\n[r](../README.md#one)' },
  ]
  assert.deepEqual(
    brokenLinks(documents, (path) => ['README.md', 'docs/a.md', 'docs'].includes(path)),
    ['README.md:2: docs/a.md#two: docs/a.md has no such heading', 'README.md:2: docs/b.md: there is no docs/b.md'],
  )
})
