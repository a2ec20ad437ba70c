/** docs/operations.md against the alert rules and the metrics: each alert has a runbook, and each metric that is named is exposed. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { Metrics as BackendMetrics } from '../../backend/metrics.ts'
import { createCheckpoint, memoryJournal } from '../../checkpoint/index.ts'
import { Metrics as ReceiverMetrics } from '../../heartbeat-receiver/metrics.ts'
import { Metrics as BalancerMetrics } from '../../load-balancer/metrics.ts'
import { SummedMetrics } from '../../load-balancer/workers/summed-metrics.ts'
import { root } from './all-documents.ts'
import { anchorsOf } from './links.ts'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly runbook?: string }
}

const page = readFileSync(join(root, 'docs/operations.md'), 'utf8')
const alertsPath = join(root, 'compose/observability/alerts.yml')
const { groups } = parse(readFileSync(alertsPath, 'utf8')) as { groups: { rules: Rule[] }[] }
const rules = groups.flatMap((group) => group.rules)

/** The part of the page below a heading of the second level. */
function section(heading: string): string {
  const found = new RegExp(`^## ${heading}\\n([\\s\\S]*?)(?=^## )`, 'm').exec(page)?.[1]
  assert.ok(found, `there is a section ${heading}`)
  return found
}

/** The runbook of each alert, by its name. */
const runbooks = new Map(
  section('Alerts')
    .split(/^### /m)
    .slice(1)
    .map((text) => [text.split('\n')[0]!, text] as const),
)

/** All that the processes expose, without starting any. */
async function exposed(): Promise<Set<string>> {
  const backend = new BackendMetrics()
  const checkpoint = createCheckpoint({ journal: memoryJournal() })
  backend.watch(checkpoint)
  const balancer = new BalancerMetrics()
  const none = () => 0
  balancer.watch({ held: none, takeHeldPeak: none, epoch: none, members: none, streams: none })
  balancer.watchArrivals(none)
  const texts = await Promise.all([
    backend.registry.metrics(),
    new ReceiverMetrics().registry.metrics(),
    balancer.text(),
    new SummedMetrics(none).text(),
  ])
  return new Set(texts.flatMap((text) => [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name!)))
}

test('each alert has a runbook, and each runbook an alert', () => {
  assert.ok(rules.length > 15)
  assert.deepEqual([...runbooks.keys()].sort(), rules.map(({ alert }) => alert).sort())
})

test('each runbook says what it means, what clients notice, what to look at, what to do, and when it is over', () => {
  for (const [name, text] of runbooks)
    for (const part of ['Means', 'Clients notice', 'Look at', 'Do', 'Over'])
      assert.match(text, new RegExp(`^- \\*\\*${part}\\*\\*`, 'm'), `${name}: ${part}`)
})

test('each alert names its runbook, where it stands', () => {
  const anchors = anchorsOf(page)
  for (const { alert, annotations } of rules) {
    assert.equal(annotations.runbook, `docs/operations.md#${alert.toLowerCase()}`)
    assert.ok(anchors.has(alert.toLowerCase()), alert)
  }
})

test('each runbook has the severity of its rule', () => {
  for (const { alert, labels } of rules)
    assert.match(runbooks.get(alert)!, new RegExp(`\\*\\*Means\\*\\* \\(${labels.severity}\\)`), alert)
})

test('the reasons that a runbook quotes are printed by the receiver', async () => {
  const names = (await readdir(join(root, 'heartbeat-receiver'))).filter((name) => name.endsWith('.ts'))
  const sources = (
    await Promise.all(names.map((name) => readFile(join(root, 'heartbeat-receiver', name), 'utf8')))
  ).join('\n')
  const reasons = [...runbooks.get('ManyFailovers')!.matchAll(/(?<!\*)\*([^*\n]+)\*(?!\*)/g)].map(([, text]) => text!)
  assert.ok(reasons.length > 8)
  for (const reason of reasons) {
    const printed = reason.replaceAll(/\b(?:NAME|N)\b/g, String.raw`(?:\$\{[^}]+\}|[\w-]+)`)
    assert.match(sources, new RegExp(printed), reason)
  }
  const evidence = /type Evidence = (.+)/.exec(sources)![1]!
  const labels = [...runbooks.get('ManySuspicions')!.matchAll(/^ {2}- `(\w+)`:/gm)].map(([, label]) => label!)
  assert.ok(labels.length >= 3)
  for (const label of labels) assert.ok(evidence.includes(`'${label}'`), label)
})

test('each metric that the page names is exposed, and the table has all of ours', async () => {
  const all = await exposed()
  const named = new Set(
    [...page.matchAll(/`((?:heartline|http|nodejs|process)_[a-z0-9_]+)`/g)].map(([, name]) => name!),
  )
  assert.ok(named.size > 20)
  assert.deepEqual(
    [...named].filter((name) => !all.has(name)),
    [],
    'named and not exposed',
  )
  const table = section('What to watch')
  assert.deepEqual(
    [...all].filter((name) => name.startsWith('heartline_') && !table.includes(`\`${name}\``)),
    [],
    'exposed and not in the table',
  )
})

test('each metric of a rule is in the table of what to watch', () => {
  const table = section('What to watch')
  for (const { alert, expr } of rules)
    for (const [name] of expr.matchAll(/\b(?:heartline|http|nodejs|process)_[a-z0-9_]+/g))
      assert.ok(table.includes(`\`${name.replace(/_(bucket|sum|count)$/, '')}\``), `${alert}: ${name}`)
})
