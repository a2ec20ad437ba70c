import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ComposeError } from './errors.ts'
import { describeFailure } from './failure.ts'

const cases: Array<[rule: string, error: unknown, expected: RegExp]> = [
  [
    'a failure with a code is one line',
    new ComposeError('NO_RECEIVER', 'no receiver\n  answers'),
    /^no receiver answers$/,
  ],
  [
    'a port in use is said in plain words',
    Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE', address: '127.0.0.1', port: 7070 }),
    /^port 7070 of 127\.0\.0\.1 is in use: stop what listens there, or choose another port$/,
  ],
  ['a failure without a code keeps its stack', new Error('surprise'), /^Error: surprise\n +at /],
  [
    'a programming error that Node gave a code keeps its stack',
    Object.assign(new TypeError('wrong'), { code: 'ERR_INVALID_ARG_TYPE' }),
    /\n +at /,
  ],
  ['what is thrown need not be an error', 'just words', /^just words$/],
]

for (const [rule, error, expected] of cases)
  test(rule, () => assert.match(describeFailure(error, { verbose: false }), expected))

test('at log level debug a failure shows its stack and its causes', () => {
  const text = describeFailure(new ComposeError('MAVEN_FAILED', 'no jars', new Error('no network')), { verbose: true })
  assert.match(text, /ComposeError: no jars\n +at .+\ncaused by Error: no network\n +at /s)
})
