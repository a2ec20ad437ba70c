/** The Kubernetes manifests against the API's schemas and against the code: nothing they name is missing, and nothing has more than it needs. */
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { parse, parseAllDocuments } from 'yaml'
import { healthzPath, readyzPath } from '../../backend/health-checks.ts'
import { portsOf, readCommand } from '../containers/compose-services.ts'
import { lastOf, readDockerfile } from '../containers/dockerfile.ts'
import { flagsOf } from '../flags.ts'
import { typeErrors } from './type-errors.ts'

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string }
}

interface Container {
  readonly image: string
  readonly args: string[]
  readonly env: { readonly name: string; readonly value?: string; readonly valueFrom?: object }[]
  readonly ports: { readonly name: string; readonly containerPort: number }[]
  readonly startupProbe: Probe
  readonly livenessProbe: Probe
  readonly readinessProbe: Probe
  readonly lifecycle?: { readonly preStop: { readonly exec: { readonly command: string[] } } }
  readonly resources: { readonly limits: { readonly memory: string }; readonly requests: object }
  readonly securityContext: object
  readonly volumeMounts: { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[]
}

interface PodSpec {
  readonly enableServiceLinks: boolean
  readonly automountServiceAccountToken: boolean
  readonly terminationGracePeriodSeconds: number
  readonly securityContext: { readonly runAsNonRoot: boolean; readonly runAsUser: number; readonly runAsGroup: number }
  readonly containers: [Container]
  readonly volumes: { readonly name: string; readonly secret?: { readonly secretName: string } }[]
}

type Manifest = {
  apiVersion: string
  kind: string
  metadata: { name: string }
  // biome-ignore lint/suspicious/noExplicitAny: manifests of every kind
  spec: any
  data: Record<string, string>
}

const closeTimeoutS = 10 // of `compose/main.ts`

async function manifests(): Promise<Manifest[]> {
  const files = (await readdir(import.meta.dirname)).filter(
    (name) => name.endsWith('.yaml') && name !== 'kustomization.yaml',
  )
  const texts = await Promise.all(files.map((name) => readFile(join(import.meta.dirname, name), 'utf8')))
  return texts.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as Manifest))
}

describe('the Kubernetes manifests', () => {
  let all: Manifest[]
  let workloads: {
    name: string
    kind: string
    manifest: Manifest
    labels: Record<string, string>
    pod: PodSpec
    spec: Manifest['spec']
  }[]
  let configuration: Record<string, string>
  const named = (kind: string, name: string) => all.find((one) => one.kind === kind && one.metadata.name === name)
  before(async () => {
    all = await manifests()
    configuration = named('ConfigMap', 'heartline')!.data
    workloads = all
      .filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')
      .map((manifest) => ({ ...manifest, manifest }))
      .map(({ kind, manifest, metadata, spec }) => ({
        ...{ name: metadata.name, kind, manifest, spec },
        labels: spec.template.metadata.labels,
        pod: spec.template.spec,
      }))
  })

  it('are as the API’s schemas have them, and say nothing that the API does not know', async () => {
    assert.ok(all.length >= 15)
    for (const manifest of all) {
      const { apiVersion, kind, metadata } = manifest
      const models = (await import(`kubernetes-models/${apiVersion}`)) as Record<
        string,
        new (
          data: object,
        ) => { validate(): void }
      >
      const Model = models[kind]
      assert.ok(Model, `${apiVersion} ${kind}`)
      assert.doesNotThrow(() => new Model(manifest).validate(), `${kind} ${metadata.name}`)
    }
    assert.deepEqual(await typeErrors(all), [])
    const [wrong] = await typeErrors([{ ...workloads[0]!.manifest, spec: { ...workloads[0]!.spec, replica: 2 } }])
    assert.match(wrong ?? '', /'"?replica"?' does not exist/, 'and this would tell')
  })

  it('are all in the kustomization, in one namespace', async () => {
    const text = await readFile(join(import.meta.dirname, 'kustomization.yaml'), 'utf8')
    const { resources, namespace, images } = parse(text) as {
      resources: string[]
      namespace: string
      images: { name: string }[]
    }
    const files = (await readdir(import.meta.dirname)).filter(
      (name) => name.endsWith('.yaml') && name !== 'kustomization.yaml',
    )
    assert.deepEqual([...resources].sort(), files.sort())
    assert.ok(named('Namespace', namespace))
    for (const { pod } of workloads) assert.equal(pod.containers[0].image, images[0]!.name)
    assert.match(
      text,
      new RegExp(`create secret generic ${workloads[0]!.pod.volumes[0]!.secret!.secretName} --from-literal=token=`),
    )
  })

  /** The environment of a container, with what only a cluster knows made up. */
  const environmentOf = ({ env }: Container) => ({
    ...configuration,
    ...Object.fromEntries(
      env.map(({ name, value }) => [
        name,
        value?.replace('$(POD_IP)', '10.0.0.7') ?? `the-${name.toLowerCase().replaceAll('_', '-')}`,
      ]),
    ),
  })

  it('run commands that there are, with options that these take, and probe what they answer', async () => {
    // Told to all, though receivers follow nobody and the token's place is no flag.
    const others = ['HEARTLINE_TOKEN_FILE', 'HEARTLINE_RECEIVERS']
    const probes: Record<string, [string, string]> = {
      receiver: ['/healthz', '/readyz'],
      balancer: ['/healthz', '/readyz'],
      backend: [healthzPath, readyzPath],
    }
    assert.deepEqual(workloads.map(({ name }) => name).sort(), Object.keys(probes).sort())
    for (const { name, pod } of workloads) {
      const [container] = pod.containers
      const read = await readCommand(container.args, environmentOf(container))
      assert.equal(read.name, name)
      assert.equal(read.options.host, '0.0.0.0', 'reached from other pods')
      const known = new Set([...flagsOf((await read.entry.load()).options).map(({ variable }) => variable), ...others])
      for (const variable of Object.keys(environmentOf(container)).filter((key) => key.startsWith('HEARTLINE_')))
        assert.ok(known.has(variable), `${variable} of ${name}`)
      assert.equal(read.options.name, 'the-heartline-name', 'a pod’s own name')
      const ports = portsOf(read.options)
      assert.deepEqual(
        container.ports.map(({ containerPort }) => containerPort),
        ports,
      )
      const { startupProbe, livenessProbe, readinessProbe } = container
      for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe])
        assert.equal(httpGet.port, container.ports.at(-1)!.name, 'the port for administration, if there is one')
      assert.deepEqual([livenessProbe.httpGet.path, readinessProbe.httpGet.path], probes[name])
      assert.equal(startupProbe.httpGet.path, livenessProbe.httpGet.path)
    }
  })

  it('have every pod find every receiver by the name that its StatefulSet gives it', async () => {
    const { spec, kind } = workloads.find(({ name }) => name === 'receiver')!
    assert.equal(kind, 'StatefulSet')
    const service = named('Service', spec.serviceName)!
    assert.equal(service.spec.clusterIP, 'None', 'reached directly')
    assert.equal(service.spec.publishNotReadyAddresses, true)
    const urls = Array.from({ length: spec.replicas }, (_, index) => `ws://receiver-${index}.${spec.serviceName}:7070`)
    for (const { name, pod } of workloads) {
      const { options } = await readCommand(pod.containers[0].args, environmentOf(pod.containers[0]))
      assert.deepEqual(name === 'receiver' ? options.peers : options.receivers, urls, name)
    }
  })

  it('have backends keep their names, and be dialled at their own address', async () => {
    const { kind, pod } = workloads.find(({ name }) => name === 'backend')!
    assert.equal(kind, 'StatefulSet')
    const { options } = await readCommand(['backend'], environmentOf(pod.containers[0]))
    assert.equal(options.url, 'http://10.0.0.7:9001')
    assert.equal(options.direct, true)
    const order = pod.containers[0].env.map(({ name }) => name)
    assert.ok(order.indexOf('POD_IP') < order.indexOf('HEARTLINE_URL'), 'a variable names only those before it')
  })

  it('set no variable of Heartline’s by the name of a Service', () => {
    for (const { name, pod } of workloads) assert.equal(pod.enableServiceLinks, false, name)
  })

  it('give the token as a file, from a secret that is not among them', () => {
    assert.ok(!all.some(({ kind }) => kind === 'Secret'))
    assert.ok(!('HEARTLINE_TOKEN' in configuration))
    for (const { name, pod } of workloads) {
      const { secret, name: volume } = pod.volumes.find((one) => one.secret)!
      const mount = pod.containers[0].volumeMounts.find((one) => one.name === volume)!
      assert.equal(secret!.secretName, 'heartline-token')
      assert.equal(configuration.HEARTLINE_TOKEN_FILE, `${mount.mountPath}/token`, name)
      assert.equal(mount.readOnly, true)
    }
  })

  it('leave time for an orderly end, and for whatever comes before it', () => {
    for (const { name, pod } of workloads) {
      const [program, seconds] = pod.containers[0].lifecycle?.preStop.exec.command ?? ['sleep', '0']
      assert.equal(program, 'sleep')
      assert.ok(pod.terminationGracePeriodSeconds > closeTimeoutS + Number(seconds), name)
    }
  })

  it('run as the image’s account, with nothing that it does not need', async () => {
    const [uid, gid] = lastOf((await readDockerfile()).at(-1)!, 'USER')!
      .split(':')
      .map(Number)
    for (const { name, pod } of workloads) {
      const { runAsNonRoot, runAsUser, runAsGroup } = pod.securityContext
      assert.deepEqual([runAsNonRoot, runAsUser, runAsGroup], [true, uid, gid], name)
      assert.equal(pod.automountServiceAccountToken, false)
      assert.deepEqual(pod.containers[0].securityContext, {
        ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
      })
      assert.ok(pod.containers[0].resources.limits.memory && pod.containers[0].resources.requests, name)
    }
  })

  it('select pods by labels that these have, at ports that they name', () => {
    const matching = (labels: Record<string, string>) =>
      workloads.filter((workload) => Object.entries(labels).every(([key, value]) => workload.labels[key] === value))
    for (const { kind, metadata, spec } of all) {
      if (kind === 'Deployment' || kind === 'StatefulSet') assert.equal(matching(spec.selector.matchLabels).length, 1)
      if (kind === 'PodDisruptionBudget') assert.equal(matching(spec.selector.matchLabels)[0]?.name, metadata.name)
      if (kind === 'Service') {
        const [chosen] = matching(spec.selector)
        for (const { targetPort } of spec.ports)
          assert.ok(
            chosen?.pod.containers[0].ports.some((port) => port.name === targetPort),
            `${metadata.name} ${targetPort}`,
          )
      }
      if (kind === 'NetworkPolicy')
        for (const rule of spec.ingress ?? []) {
          const [chosen] = matching(spec.podSelector.matchLabels)
          for (const { port } of rule.ports)
            assert.ok(
              chosen?.pod.containers[0].ports.some((one) => one.name === port),
              `${metadata.name} ${port}`,
            )
          for (const { podSelector } of rule.from ?? [])
            if (podSelector) assert.ok(matching(podSelector.matchLabels).length > 0, metadata.name)
        }
    }
    for (const kind of ['PodDisruptionBudget', 'NetworkPolicy'])
      for (const { name } of workloads) assert.ok(named(kind, name), `${kind} ${name}`)
  })
})
