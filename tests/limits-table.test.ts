/** The figures of docs/limits.md are those of the code. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { backendOptions, limitsOf } from '../backend/config.ts'
import { limitOptions } from '../checkpoint/config.ts'
import { defaultLimits } from '../checkpoint/limits.ts'
import { ticketOfficeOptions } from '../compose/ticket-office/config.ts'

const root = join(import.meta.dirname, '..')
const page = readFileSync(join(root, 'docs/limits.md'), 'utf8')
const units: Record<string, number> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  ms: 1,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
}

/** `64 MiB`, `10 min` or `20,000` as a number. */
function figure(text: string): number {
  const [, digits, unit] = /^([\d,]+)(?: ([A-Za-z]+))?$/.exec(text.trim()) ?? assert.fail(`no figure: ${text}`)
  return (
    Number(digits!.replaceAll(',', '')) * (unit === undefined ? 1 : (units[unit] ?? assert.fail(`no unit: ${unit}`)))
  )
}

test('every limit of the checkpoint is in the table, with its default and its flag', () => {
  const rows = [...page.matchAll(/^\| `(\w+)` \| (?:`--([a-z-]+)`)? ?\| ([^|]+) \|/gm)]
  const told = Object.fromEntries(rows.map(([, name, , value]) => [name, figure(value!)]))
  assert.deepEqual(told, defaultLimits)
  const flags = rows.flatMap(([, , flag]) => (flag === undefined ? [] : [flag]))
  const known = Object.keys(limitOptions).map((name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`))
  assert.deepEqual(flags.sort(), known.sort())
})

test('each flag sets a limit of the checkpoint, and its default is that of the limit', () => {
  const fromFlags = limitsOf(backendOptions.parse({})) as Record<string, number>
  assert.equal(Object.keys(fromFlags).length, Object.keys(limitOptions).length)
  assert.deepEqual({ ...defaultLimits, ...fromFlags }, defaultLimits)
  const chosen = Object.fromEntries(Object.keys(limitOptions).map((name, index) => [name, 1_000 + index]))
  assert.equal(new Set(Object.values(limitsOf(backendOptions.parse(chosen)))).size, Object.keys(limitOptions).length)
})

test('flags that make no sense together are wrong usage, told by their own names', () => {
  const told = (options: object) =>
    ticketOfficeOptions.safeParse(options).error?.issues.map(({ path, message }) => `${path}: ${message}`)
  assert.deepEqual(told({ groupBytes: '1KiB' }), [
    'transactionBytes: transactionBytes is 900000 and must not be above groupBytes, 1024',
  ])
  assert.equal(told({ groupBytes: 2_000_000, transactionBytes: '1MiB' }), undefined)
})

test('every other bound in the tables is a constant of the file it names, with that value', () => {
  const rows = [...page.matchAll(/^\| `(\w+)` \(`([\w/.-]+)`\) \| ([^|]+) \|/gm)]
  assert.ok(rows.length > 25)
  for (const [, name, path, value] of rows) {
    const source = readFileSync(join(root, path!), 'utf8')
    const found = new RegExp(`^(?:export )?const ${name} = ([\\d_* ]+)`, 'm').exec(source)?.[1]
    assert.ok(found, `${path} has ${name}`)
    const actual = found.split('*').reduce((product, factor) => product * Number(factor.replaceAll('_', '')), 1)
    assert.equal(actual, figure(value!), `${name} in ${path}`)
  }
})
