import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readDocument } from './document-commands.ts'

const texts = (markdown: string) => readDocument('a.md', markdown).commands.map(({ line, text }) => `${line} ${text}`)

test('each line of a sh fence is a command, without its comment', () => {
  assert.deepEqual(texts('# T\n```sh\nnpm ci   # all of it\n\n# nothing\ncurl -d \'{"a # b":1}\' x#y\n```\nnpm no\n'), [
    '3 npm ci',
    `6 curl -d '{"a # b":1}' x#y`,
  ])
})

test('each line that is indented by four spaces is one too, but not in a list or a paragraph', () => {
  assert.deepEqual(
    texts('See:\n\n    npm test\n    npm ci\n\ntext\n    goes on\n\n- one\n\n    of the list\n\ntext\n\n    node a.ts'),
    ['3 npm test', '4 npm ci', '15 node a.ts'],
  )
})

test('lines are joined by a backslash, an open quote and a here-document', () => {
  assert.deepEqual(texts("```sh\nnpm run up -- \\\n  --restart\ncat > a <<'END'\nx # y\nEND\nnode -e '1\n2'\n```\n"), [
    '2 npm run up -- --restart',
    "4 cat > a <<'END'\nx # y\nEND",
    "7 node -e '1\n2'",
  ])
})

test('other fences hold no commands, but those of another name for sh are a mistake', () => {
  const { commands, problems } = readDocument('a.md', '```\nnpm x\n```\n```ts\n    y\n```\n```bash\nnpm z\n```\n')
  assert.deepEqual(commands, [])
  assert.deepEqual(problems, ['a.md:7: commands stand in ```sh, not bash'])
  assert.deepEqual(readDocument('a.md', '```sh\nnpm x').problems, ['a.md: a fence is left open'])
})

test('code in sentences is told apart', () => {
  const { commands, inline } = readDocument('a.md', '`npm test` and\n`--flag`\n```sh\necho `x`\n```\n')
  assert.deepEqual(
    inline.map(({ line, text }) => `${line} ${text}`),
    ['1 npm test', '2 --flag'],
  )
  assert.equal(commands.length, 1)
})
