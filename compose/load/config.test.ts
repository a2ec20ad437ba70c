import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readFlags } from '../flags.ts'
import { loadOptions, settingsOf } from './config.ts'

function requestOf(argv: string[]) {
  const read = readFlags(loadOptions, argv, {})
  assert.equal(read.kind, 'values')
  return settingsOf(read.kind === 'values' ? read.values : assert.fail()).request
}

test('a path makes it a client of any server: GET, or POST with a body, or as said', () => {
  assert.equal(requestOf([]), undefined)
  assert.equal(requestOf(['--path', '/home'])?.method, 'GET')
  assert.equal(requestOf(['--path', '/home', '--body', 'x'])?.method, 'POST')
  assert.equal(requestOf(['--path', '/home', '--body', 'x', '--method', 'PUT'])?.method, 'PUT')
})

for (const [argv, problem] of [
  [['--body', 'x'], '--body: goes with --path only, got "x"'],
  [['--path', 'home'], '--path: expected a path such as /home, percent-encoded, got "home"'],
  [['--path', '/a b'], '--path: expected a path such as /home, percent-encoded, got "/a b"'],
  [['--report', 'r.pdf'], '--report: expected a file that ends in .html or .svg, got "r.pdf"'],
] as const)
  test(`${argv.join(' ')} is refused with what would be right`, () => {
    assert.deepEqual(readFlags(loadOptions, [...argv], {}), { kind: 'problems', problems: [problem] })
  })
