/** The dashboard, the alert rules and the contract against what running processes expose: a panel of a metric that is not there stays empty for ever. */
import assert from 'node:assert/strict'
import { access, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { before, describe, it } from 'node:test'
import pino from 'pino'
import { backendOptions, createBackend } from '../../backend/index.ts'
import { metricsPath } from '../../backend/metrics.ts'
import { createMemoryLog, memoryJournal } from '../../checkpoint/index.ts'
import { followDecisions, receiverOptions } from '../../heartbeat-receiver/index.ts'
import { startReceiver } from '../../heartbeat-receiver/service.ts'
import { runBalancer } from '../../load-balancer/balancer.ts'
import { balancerOptions } from '../../load-balancer/config.ts'
import { SummedMetrics } from '../../load-balancer/workers/summed-metrics.ts'
import { upOptions } from '../up.ts'

const log = pino({ level: 'silent' })
const read = (name: string) => readFile(join(import.meta.dirname, name), 'utf8')

/** Each metric that people rely on, with its labels, by the process that measures it. */
const contract: Record<string, Record<string, string[]>> = {
  balancer: {
    http_request_duration_seconds: ['method', 'code', 'handler', 'backend'],
    heartline_held_requests: [],
    heartline_replays_total: [],
    heartline_failover_seconds: [],
    heartline_epoch: ['shard'],
  },
  receiver: {
    heartline_heartbeats_total: ['backend'],
    heartline_heartbeat_gap_seconds: [],
    heartline_suspicions_total: [],
    heartline_failover_seconds: [],
    heartline_epoch: ['shard'],
  },
  backend: {
    heartline_commit_seconds: [],
    heartline_commit_group_size: [],
    heartline_journal_lag_records: [],
    heartline_restore_ratio: [],
    heartline_fenced_total: [],
  },
}

interface Exposed {
  readonly text: string
  readonly names: ReadonlySet<string>
}

/** One receiver, one backend and one balancer that answered a request, in this process; what each exposes. */
async function exposed(): Promise<Record<string, Exposed>> {
  const stopping = new AbortController()
  const receiver = await startReceiver(
    receiverOptions.parse({ port: 0, name: 'r', heartbeatMs: 50 }),
    log,
    stopping.signal,
    { journal: memoryJournal(createMemoryLog()) },
  )
  const receivers = [receiver.url]
  const backend = createBackend({
    ...backendOptions.parse({ port: 0, name: 'b', receivers }),
    log,
    journal: memoryJournal(createMemoryLog()),
  })
  const answer = backend.checkpoint.route(() => ({ status: 204 }))
  const { url } = await backend.start(answer as never)
  const follower = followDecisions({ receivers, role: 'balancer', name: 'l', log })
  const balancer = await runBalancer(
    balancerOptions.parse({ port: 0, adminPort: 0, receivers }),
    follower,
    log,
    stopping.signal,
  )
  const scrape = async (where: string): Promise<Exposed> => {
    const text = await (await fetch(where)).text()
    return { text, names: new Set([...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name!)) }
  }
  try {
    assert.equal((await fetch(balancer.url, { method: 'PUT' })).status, 204)
    return {
      receiver: await scrape(`${receiver.url.replace('ws:', 'http:')}/metrics`),
      balancer: await scrape(`${balancer.adminUrl}/metrics`),
      backend: await scrape(`${url}${metricsPath}`),
    }
  } finally {
    await backend.close()
    stopping.abort()
    await Promise.all([receiver.done, balancer.done])
  }
}

/** The metrics that expressions of Prometheus name, without the suffixes of a histogram's parts. */
function metricsIn(expression: string): string[] {
  const named = expression.replace(/"[^"]*"/g, '').match(/\b(?:heartline|http|nodejs|process)_[a-z0-9_]+/g) ?? []
  return named.map((name) => name.replace(/_(bucket|sum|count)$/, ''))
}

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { x: number; y: number; w: number; h: number }
  readonly datasource?: { uid: string }
  readonly targets?: { expr: string; datasource: { uid: string } }[]
}

describe('what watches Heartline', () => {
  let scraped: Record<string, Exposed>
  let panels: Panel[]
  before(async () => {
    scraped = await exposed()
    panels = (JSON.parse(await read('grafana/dashboards/heartline.json')) as { panels: Panel[] }).panels
  })

  for (const [process, metrics] of Object.entries(contract))
    it(`finds every metric of the contract at the ${process}, with its labels`, () => {
      const { names, text } = scraped[process]!
      for (const [name, labels] of Object.entries(metrics)) {
        assert.ok(names.has(name), `${process} exposes ${name}`)
        if (labels.length === 0) continue
        const series = new RegExp(`^${name}(?:_bucket)?\\{(.*)\\}`, 'm').exec(text)?.[1] ?? ''
        for (const label of labels) assert.match(series, new RegExp(`\\b${label}="`), `${name} has ${label}`)
      }
      for (const own of ['process_cpu_seconds_total', 'nodejs_eventloop_lag_p99_seconds'])
        assert.ok(names.has(own), own)
    })

  it('shows and alerts on metrics that are exposed, and shows all of ours', async () => {
    const all = new Set(Object.values(scraped).flatMap(({ names }) => [...names]))
    for (const [, name] of (await new SummedMetrics(() => 1).text()).matchAll(/^# TYPE (\S+) /gm)) all.add(name!)
    const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
    const rules = [...(await read('alerts.yml')).matchAll(/^ {8}expr: (.+)$/gm)].map(([, expr]) => expr!)
    assert.ok(expressions.length > 20 && rules.length >= 10)
    for (const expression of [...expressions, ...rules])
      for (const name of metricsIn(expression)) assert.ok(all.has(name), `${name} of ${expression}`)
    const shown = new Set(expressions.flatMap(metricsIn))
    const ours = [...all].filter((name) => name.startsWith('heartline_'))
    assert.ok(ours.length > 25)
    for (const name of [...ours, ...Object.values(contract).flatMap((metrics) => Object.keys(metrics))])
      assert.ok(shown.has(name), `the dashboard shows ${name}`)
  })

  it('says by job only what that job exposes', async () => {
    const text =
      (await read('alerts.yml')) + JSON.stringify(panels.map(({ targets }) => targets?.map(({ expr }) => expr)))
    const named = [...text.matchAll(/((?:heartline|http|nodejs|process)_[a-z_]+)\{job=\\?"(\w+)\\?"/g)]
    assert.ok(named.length > 5)
    for (const [, name, job] of named) assert.ok(scraped[job!]?.names.has(metricsIn(name!)[0]!), `${job} has ${name}`)
  })

  it('has a dashboard of one data source, the provisioned one, whose panels have titles and do not overlap', async () => {
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length, 'each panel has a number of its own')
    const uid = /uid: (\S+)/.exec(await read('grafana/provisioning/datasources/prometheus.yml'))![1]
    const cells = new Set<string>()
    for (const { type, title, gridPos, datasource, targets = [] } of panels) {
      assert.ok(title, 'a title')
      const { x, y, w, h } = gridPos
      assert.ok(x >= 0 && x + w <= 24, `${title} is on the grid`)
      for (let column = x; column < x + w; column++)
        for (let line = y; line < y + h; line++) {
          assert.ok(!cells.has(`${column} ${line}`), `${title} overlaps`)
          cells.add(`${column} ${line}`)
        }
      if (type === 'row') continue
      assert.ok(targets.length > 0, `${title} shows something`)
      for (const source of [datasource!, ...targets.map((target) => target.datasource)]) assert.equal(source.uid, uid)
    }
  })

  it('scrapes the ports and paths that `up` uses by default, and mounts files that exist', async () => {
    const { receiverPort, adminPort, backendPort, backends } = upOptions.parse({})
    const prometheus = await read('prometheus.yml')
    const targets = (job: string) => /targets: (\[.*\])/.exec(prometheus.split(`job_name: ${job}`)[1]!)![1]!
    const first = Number(backendPort)
    const backendTargets = Array.from({ length: backends }, (_, index) => `127.0.0.1:${first + index}`)
    assert.deepEqual(
      ['receiver', 'balancer', 'backend'].map((job) => JSON.parse(targets(job))),
      [[`127.0.0.1:${receiverPort}`], [`127.0.0.1:${adminPort}`], backendTargets],
    )
    assert.match(prometheus.split('job_name: backend')[1]!, new RegExp(`metrics_path: ${metricsPath}\\n`))
    const compose = await read('compose.yaml')
    const mounted = [...compose.matchAll(/- \.\/(\S+):(\/\S+):ro$/gm)]
    assert.ok(mounted.length >= 4)
    for (const [, path] of mounted) await access(join(import.meta.dirname, path!))
    const places = new Map(mounted.map(([, path, place]) => [path, place]))
    const rules = /rule_files:\n {2}- (\S+)/.exec(prometheus)![1]!
    const configured = places.get('prometheus.yml')!
    assert.equal(places.get(rules), join(dirname(configured), rules))
    assert.ok(compose.includes(`--config.file=${configured}`))
    // The address of the data source is said where Grafana is started: it is another among containers.
    assert.match(await read('grafana/provisioning/datasources/prometheus.yml'), /^ {4}url: \$PROMETHEUS_URL$/m)
    for (const started of [compose, await readFile(join(import.meta.dirname, '../compose.yaml'), 'utf8')])
      assert.match(started, /^ {6}PROMETHEUS_URL: http:\/\/[a-z0-9.]+:9090$/m)
    const provider = await read('grafana/provisioning/dashboards/heartline.yml')
    assert.ok(provider.includes(`path: ${places.get('grafana/dashboards')}\n`))
  })
})
