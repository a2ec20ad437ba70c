/**
 * Every command of the documents is run by some test, names only what there is, and every link leads somewhere. The commands themselves are run
 * by `npm run test:documents`; this is the part that takes no time, so that nobody adds a command that nothing runs.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { allDocuments, root } from './all-documents.ts'
import { readDocument } from './document-commands.ts'
import { elsewhere } from './elsewhere.ts'
import { anchorsOf, linksOf } from './links.ts'
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
  const texts = new Map(documents.map(({ path, markdown }) => [path, markdown]))
  const broken = documents.flatMap(({ path, markdown }) =>
    linksOf(markdown).flatMap(({ line, target }) => {
      const [file = '', anchor] = target.split('#')
      const place = file === '' ? path : normalize(join(dirname(path), file))
      const where = `${path}:${line}: ${target}`
      if (!existsSync(join(root, place))) return [`${where}: there is no ${place}`]
      const text = texts.get(place)
      const found = anchor === undefined || text === undefined || anchorsOf(text).has(anchor)
      return found ? [] : [`${where}: ${place} has no such heading`]
    }),
  )
  assert.deepEqual(broken, [])
})
