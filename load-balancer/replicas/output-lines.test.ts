import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCommand } from './command-line.ts'
import { OutputLines } from './output-lines.ts'

test('lines are passed on whole, however they arrive', () => {
  const lines = new OutputLines()
  assert.deepEqual(
    [lines.take('on', 0), lines.take('e\ntwo\nthr', 0), lines.take('ee\r\n\n', 0)],
    [[], ['one', 'two'], ['three']],
  )
  lines.take('no end', 0)
  assert.deepEqual(lines.end(0), ['no end'])
  assert.deepEqual(lines.last, ['one', 'two', 'three', 'no end'])
})

test('a line is bounded, though it never ends', () => {
  const lines = new OutputLines()
  for (let part = 0; part < 1_000; part += 1) assert.deepEqual(lines.take('x'.repeat(1_000), 0), [])
  assert.deepEqual(lines.take('\n', 0), ['x'.repeat(500)])
})

test('no more of a line is kept in memory than can be read', () => {
  const line = JSON.stringify({ level: 30, stack: 'x'.repeat(10_000), msg: 'beyond the bound' })
  const lines = new OutputLines()
  for (let from = 0; from < line.length; from += 1_000) lines.take(line.slice(from, from + 1_000), 0)
  assert.match(lines.end(0)[0]!, /^\{"level":30/)
})

test('so many lines a second are passed on; the others are counted', () => {
  const lines = new OutputLines()
  assert.equal(lines.take('x\n'.repeat(100), 0).length, 20)
  assert.deepEqual(lines.take('y\n', 999), [])
  assert.deepEqual(lines.take('z\n', 1_000), ['(81 more lines)', 'z'])
})

test('the last lines are few, and keep the head of a stack trace', () => {
  const lines = new OutputLines()
  lines.take('1\n2\n3\n4\n5\n6\nError: no\n    at x (y.js:1:1)\n    at z\n', 0)
  assert.deepEqual(lines.last, ['3', '4', '5', '6', 'Error: no'])
})

test("of a line of pino's, the message is shown; and nothing moves a terminal's cursor", () => {
  const lines = new OutputLines()
  assert.deepEqual(lines.take('{"level":30,"msg":"up"}\n{not json\n{"a":1}\n\u001b[2Jx\n', 0), [
    'up',
    '{not json',
    '{"a":1}',
    ' [2Jx',
  ])
})

test('a command is split into words as a shell would', () => {
  assert.deepEqual(parseCommand(`node "my server.js" '{port}' --name={name}`), {
    kind: 'process',
    program: 'node',
    words: ['my server.js', '{port}', '--name={name}'],
  })
  assert.deepEqual(parseCommand('docker:repo/image:1 --x'), { kind: 'docker', image: 'repo/image:1', words: ['--x'] })
  for (const none of ['', '  ', '""', 'docker:', 'docker:--privileged x']) assert.equal(parseCommand(none), undefined)
})
