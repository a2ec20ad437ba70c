/** The example of a Prometheus for Kubernetes against the manifests: what it finds has the names that rules and dashboard ask for. */
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse, parseAllDocuments } from 'yaml'
import { metricsPath } from '../../backend/metrics.ts'

interface Relabeling {
  readonly source_labels: readonly string[]
  readonly regex?: string
  readonly action?: 'keep' | 'drop'
  readonly target_label?: string
  readonly replacement?: string
}

interface Scraping {
  readonly job_name: string
  readonly authorization: { readonly credentials_file: string }
  readonly kubernetes_sd_configs: readonly {
    readonly role: string
    readonly namespaces: { readonly names: string[] }
  }[]
  readonly relabel_configs: readonly Relabeling[]
}

type Labels = Readonly<Record<string, string>>

const observability = join(import.meta.dirname, '../observability')

async function scraping(): Promise<Scraping> {
  const text = await readFile(join(observability, 'prometheus-kubernetes.yml'), 'utf8')
  return (parse(text) as { scrape_configs: [Scraping] }).scrape_configs[0]
}

/** What Prometheus makes of a target's labels; undefined if it does not scrape it. Only what the example uses. */
function relabelled(target: Labels, rules: readonly Relabeling[]): Labels | undefined {
  let labels = target
  for (const { source_labels, regex = '(.*)', action, target_label, replacement } of rules) {
    const value = source_labels.map((label) => labels[label] ?? '').join(';')
    const matches = new RegExp(`^(?:${regex})$`).test(value)
    if ((action === 'keep' && !matches) || (action === 'drop' && matches)) return undefined
    if (target_label && matches) labels = { ...labels, [target_label]: replacement ?? value }
  }
  return labels
}

/** The targets that Prometheus finds: one for each port of each container. */
async function discovered(): Promise<Labels[]> {
  const names = (await readdir(import.meta.dirname)).filter((name) => /s\.yaml$/.test(name))
  const texts = await Promise.all(names.map((name) => readFile(join(import.meta.dirname, name), 'utf8')))
  const workloads = texts
    .flatMap((text) => parseAllDocuments(text).map((document) => document.toJS()))
    .filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')
  return workloads.flatMap(({ metadata, spec: { template } }) =>
    template.spec.containers[0].ports.map((port: { name: string; containerPort: number }) => ({
      __address__: `10.0.0.7:${port.containerPort}`,
      __metrics_path__: '/metrics',
      __meta_kubernetes_pod_label_app_kubernetes_io_name: template.metadata.labels['app.kubernetes.io/name'],
      __meta_kubernetes_pod_container_port_name: port.name,
      __meta_kubernetes_pod_name: `${metadata.name}-0`,
      __meta_kubernetes_pod_phase: 'Running',
      job: 'heartline',
    })),
  )
}

/** The labels of what is scraped of some targets. */
function scrapedOf(targets: readonly Labels[], rules: readonly Relabeling[]): Labels[] {
  return targets.map((target) => relabelled(target, rules)).filter((labels) => labels !== undefined)
}

test('each kind of process is scraped once, as the job that rules and dashboard name, where it shows its metrics', async () => {
  const { relabel_configs } = await scraping()
  const found = scrapedOf(await discovered(), relabel_configs).map(
    ({ job, instance, __address__, __metrics_path__ }) => [...[job, instance, `${__address__}${__metrics_path__}`]],
  )
  assert.deepEqual(found.sort(), [
    ['backend', 'backend-0', `10.0.0.7:9001${metricsPath}`],
    ['balancer', 'balancer-0', '10.0.0.7:8081/metrics'],
    ['receiver', 'receiver-0', '10.0.0.7:7070/metrics'],
  ])
  const rules = await readFile(join(observability, 'alerts.yml'), 'utf8')
  const dashboard = await readFile(join(observability, 'grafana/dashboards/heartline.json'), 'utf8')
  const asked = [...`${rules}${dashboard}`.matchAll(/job=\\?"(\w+)\\?"/g)].map(([, job]) => job!)
  assert.deepEqual([...new Set(asked)].sort(), ['backend', 'balancer', 'receiver'])
})

test('a pod that has ended is not scraped', async () => {
  const { relabel_configs } = await scraping()
  const ended = (await discovered()).map((target) => ({ ...target, __meta_kubernetes_pod_phase: 'Failed' }))
  assert.deepEqual(scrapedOf(ended, relabel_configs), [])
})

test('it looks in the namespace of the manifests, with the token, from the namespace that their policies let in', async () => {
  const { authorization, kubernetes_sd_configs } = await scraping()
  const kustomization = await readFile(join(import.meta.dirname, 'kustomization.yaml'), 'utf8')
  const { namespace } = parse(kustomization) as { namespace: string }
  assert.deepEqual(kubernetes_sd_configs, [{ role: 'pod', namespaces: { names: [namespace] } }])
  const page = await readFile(join(import.meta.dirname, '../../docs/containers.md'), 'utf8')
  const [, from, secret] = /kubectl -n (\S+) create secret generic (\S+) .*\n?.*get secret/.exec(page)!
  assert.equal(secret, 'heartline-token')
  assert.match(page, new RegExp(`\`${authorization.credentials_file.replace('/token', '')}\``), 'where it is mounted')
  const policies = await readFile(join(import.meta.dirname, 'network.yaml'), 'utf8')
  assert.equal(policies.match(new RegExp(`kubernetes.io/metadata.name: ${from}`, 'g'))?.length, 3)
})
