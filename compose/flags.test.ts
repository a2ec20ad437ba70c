import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { byteCount, durationMs, flag, port, textList } from '../checkpoint/units.ts'
import { describeFlags, describeUsage, flagsOf, nearest, readFlags } from './flags.ts'

const options = z.object({
  kafka: textList.prefault('127.0.0.1:9092').meta({ description: 'brokers' }),
  port: port.default(9001).meta({ description: 'port' }),
  adminPort: port.default(8081).meta({ description: 'admin' }),
  direct: flag.default(true).meta({ description: 'reached directly' }),
  json: flag.default(false).meta({ description: 'as JSON' }),
  holdTimeMs: durationMs.prefault('10s').meta({ description: 'hold', flag: 'hold-time' }),
  holdBytes: byteCount.prefault('64MiB').meta({ description: 'bytes' }),
  weight: z.number().positive().default(1).meta({ description: 'weight' }),
  level: z.enum(['quiet', 'loud']).default('quiet').meta({ description: 'level' }),
  token: z.string().max(8).optional().meta({ description: 'secret' }),
})

const defaults = {
  kafka: ['127.0.0.1:9092'],
  port: 9001,
  adminPort: 8081,
  direct: true,
  json: false,
  holdTimeMs: 10_000,
  holdBytes: 64 * 1024 ** 2,
  weight: 1,
  level: 'quiet',
}

const understood: Array<[rule: string, argv: string, environment: Record<string, string>, expected: object]> = [
  ['nothing given: the defaults', '', {}, {}],
  ['a flag with its value after a space', '--port 1', {}, { port: 1 }],
  ['a flag with its value after =', '--port=1', {}, { port: 1 }],
  ['the environment, in upper snake case', '', { HEARTLINE_ADMIN_PORT: '2' }, { adminPort: 2 }],
  ['meta.flag names the flag and its variable', '', { HEARTLINE_HOLD_TIME: '2s' }, { holdTimeMs: 2_000 }],
  ['a flag beats the environment', '--port 1', { HEARTLINE_PORT: '2' }, { port: 1 }],
  ['a flag beats even a bad environment', '--port 1', { HEARTLINE_PORT: 'x' }, { port: 1 }],
  ['an empty variable is an absent one', '', { HEARTLINE_PORT: '' }, {}],
  ['a list by commas', '--kafka a:1,b:2', {}, { kafka: ['a:1', 'b:2'] }],
  ['durations and sizes with units', '--hold-time 250ms --hold-bytes 1KiB', {}, { holdTimeMs: 250, holdBytes: 1024 }],
  ['a switch alone is on', '--json', {}, { json: true }],
  ['a switch with --no- is off', '--no-direct', {}, { direct: false }],
  ['a switch with a value', '--direct=false --json=yes', {}, { direct: false, json: true }],
  ['a switch in the environment', '', { HEARTLINE_DIRECT: '0' }, { direct: false }],
  ['a plain number schema takes text', '--weight 2.5', {}, { weight: 2.5 }],
  ['one of several words', '--level loud', {}, { level: 'loud' }],
  ['variables of other commands are nobody’s business', '', { HEARTLINE_UNHEARD_OF: '1' }, {}],
]

for (const [rule, argv, environment, expected] of understood)
  test(`understood: ${rule}`, () => {
    assert.deepEqual(readFlags(options, words(argv), environment), {
      kind: 'values',
      values: { ...defaults, ...expected },
    })
  })

const refused: Array<[rule: string, argv: string, environment: Record<string, string>, problems: string[]]> = [
  ['a mistyped flag names the nearest', '--prot 1', {}, ['unknown flag --prot; did you mean --port?']],
  ['the beginning of a flag names it', '--admin 1', {}, ['unknown flag --admin; did you mean --admin-port?']],
  ['a strange flag points to --help', '--zebra', {}, ['unknown flag --zebra; --help lists them all']],
  ['a short flag there is not', '-p 1', {}, ['unknown flag -p; did you mean --port?']],
  ['--no- is for switches only', '--no-port', {}, ['unknown flag --no-port; --help lists them all']],
  ['a word that is no flag', 'now', {}, ['unexpected "now"; every option begins with --']],
  ['a missing value at the end', '--port', {}, ['--port needs a value: --port N']],
  ['a missing value before another flag', '--port --json', {}, ['--port needs a value: --port N']],
  ['an empty value', '--port=', {}, ['--port needs a value: --port N']],
  ['a flag given twice', '--port 1 --port 2', {}, ['--port is given twice; give it once']],
  ['a port beyond the last', '--port 70000', {}, ['--port: expected a port from 0 to 65535, got "70000"']],
  ['a variable is named as the source', '', { HEARTLINE_PORT: 'x' }, ['HEARTLINE_PORT: expected a number, got "x"']],
  [
    'a duration without a meaning',
    '--hold-time soon',
    {},
    ['--hold-time: expected a number with a unit, such as 10s or 250ms, got "soon"'],
  ],
  ['a number that is none', '--weight heavy', {}, ['--weight: expected a number, got "heavy"']],
  ['a word not in the list', '--level high', {}, ['--level: expected quiet or loud, got "high"']],
  ['a switch that is neither', '--direct=maybe', {}, ['--direct: expected true or false, got "maybe"']],
  ['a secret is not repeated', '--token 123456789', {}, ['--token: expected string to have <=8 characters']],
  [
    'all problems at once',
    '--prot 1 --weight heavy --level high',
    {},
    [
      'unknown flag --prot; did you mean --port?',
      '--weight: expected a number, got "heavy"',
      '--level: expected quiet or loud, got "high"',
    ],
  ],
]

for (const [rule, argv, environment, problems] of refused)
  test(`refused: ${rule}`, () => {
    assert.deepEqual(readFlags(options, words(argv), environment), { kind: 'problems', problems })
  })

test('a required option that is missing is named with its purpose', () => {
  const strict = z.object({ kafka: z.string().meta({ description: 'brokers to use' }) })
  assert.deepEqual(readFlags(strict, [], {}), { kind: 'problems', problems: ['--kafka is required: brokers to use'] })
})

test('a rule across options is reported under the option it blames', () => {
  const crossed = z
    .object({ low: z.coerce.number().default(1), high: z.coerce.number().default(2) })
    .refine(({ low, high }) => low < high, { path: ['low'], message: 'expected less than --high' })
  assert.deepEqual(readFlags(crossed, ['--low', '3'], {}), {
    kind: 'problems',
    problems: ['--low: expected less than --high, got "3"'],
  })
})

test('help wins over every problem', () => {
  assert.deepEqual(readFlags(options, ['--prot', '--help'], {}), { kind: 'help' })
  assert.deepEqual(readFlags(options, ['-h'], {}), { kind: 'help' })
})

test('help lists every flag with its variable and its default as a person would write it', () => {
  const text = describeFlags(options)
  for (const { name, variable } of flagsOf(options)) {
    assert.match(text, new RegExp(`--(no-)?${name} `))
    assert.match(text, new RegExp(`${variable}\\]`))
  }
  assert.match(text, /--hold-time TIME +hold \[default 10s; HEARTLINE_HOLD_TIME\]/)
  assert.match(text, /--hold-bytes SIZE +bytes \[default 64MiB;/)
  assert.match(text, /--no-direct +reached directly \[default true;/)
  assert.match(text, /--kafka LIST +brokers \[default 127.0.0.1:9092;/)
  assert.match(text, /--token TEXT +secret \[HEARTLINE_TOKEN\]/)
})

test('what follows -- is taken as it is by an option that is made for it, and by no other', () => {
  const running = options.extend({
    command: z.array(z.string()).default([]).meta({ rest: 'COMMAND ARGS', description: 'what to run' }),
  })
  const read = (argv: string) => {
    const result = readFlags(running, words(argv), { HEARTLINE_COMMAND: 'rm' })
    return result.kind === 'values' ? result.values.command : result
  }
  assert.deepEqual(read('--port 1'), [])
  assert.deepEqual(read('--port 1 -- serve --port 2 --help -- x'), ['serve', '--port', '2', '--help', '--', 'x'])
  assert.deepEqual(read('--'), [])
  assert.deepEqual(read('--command rm'), {
    kind: 'problems',
    problems: ['unknown flag --command; --help lists them all'],
  })
  assert.equal(describeUsage(running), '[options] [-- COMMAND ARGS]')
  assert.match(describeFlags(running), /^ {2}-- COMMAND ARGS +what to run$/m)
  assert.deepEqual(readFlags(options, ['--', 'serve'], {}), {
    kind: 'problems',
    problems: ['unexpected "serve"; every option begins with --'],
  })
})

test('the nearest word is near', () => {
  assert.equal(nearest('balancr', ['balancer', 'backend']), 'balancer')
  assert.equal(nearest('zebra', ['balancer', 'backend']), undefined)
})

function words(text: string): string[] {
  return text.split(' ').filter(Boolean)
}
