/** Commands of the documents that the scenes do not run: who runs them instead, or why nobody can. */

export type Elsewhere =
  /** CI runs it, as everybody does: `.ci/run` has this line. */
  | { readonly kind: 'ci'; readonly line: string }
  /** A test runs it: the file, and what stands there. */
  | { readonly kind: 'test'; readonly path: string; readonly has: string }
  /** It cannot be run in a test. What it names is checked by `checked`, a test. */
  | { readonly kind: 'not here'; readonly reason: string; readonly checked: string }

const ci = (line: string): Elsewhere => ({ kind: 'ci', line })
const test = (path: string, has: string): Elsewhere => ({ kind: 'test', path, has })
const bench = (name: string): Elsewhere => test('bench/smoke.slow-test.ts', `'${name}'`)
const docker: Elsewhere = {
  kind: 'not here',
  reason: 'needs a Docker daemon and its images',
  checked: 'compose/containers/compose-file.test.ts',
}
const onHost: Elsewhere = { ...docker, checked: 'compose/observability/observability.test.ts' }
const cluster: Elsewhere = {
  kind: 'not here',
  reason: 'needs a Kubernetes cluster',
  checked: 'compose/kubernetes/kubernetes.test.ts',
}
const readToken = "kubectl -n heartline get secret heartline-token -o go-template='{{.data.token | base64decode}}'"
const inContainers = (command: string) => `docker compose -f compose/compose.yaml ${command}`

export const elsewhere: Readonly<Record<string, Elsewhere>> = {
  'npm ci': ci('npm ci --no-audit --no-fund'),
  'npm test': ci('npm test'),
  'npm run check': ci('npm test'), // its first half
  'npm run test:system': ci('npm run test:system'),
  'npm run test:bench': ci('npm run test:bench'),
  'npm run test:faults': ci('npm run test:faults'),
  'npm run simulate -- --mutations': ci('npm run simulate -- --mutations'),
  'npm pack': test('tests/packed-copy.ts', "'npm', ['pack'"),
  'npm pack --pack-destination /tmp': test('tests/packed-copy.ts', "'npm', ['pack'"),
  'node examples/counter.ts': test('tests/examples.test.ts', "command('counter.ts')"),
  'npm run bench -- writes': bench('writes'),
  'npm run bench -- reads': bench('reads'),
  'npm run bench -- restore': bench('restore'),
  'npm run bench -- handover': bench('handover'),
  'npm run bench -- proxy': bench('proxy'),
  'npm run bench -- receiver': bench('receiver'),
  'npm run status -- --watch': test('compose/live/status-watch.test.ts', "'status', '--watch'"),
  'npm run demo -- --kills 0': test('tests/system/demo-by-hand.slow-test.ts', "'--kills', '0'"),
  'npm run heartline -- health': test('compose/health.test.ts', "[main, 'health', ...args]"),
  'docker compose -f compose/observability/compose.yaml up -d': onHost,
  [inContainers('up --wait')]: docker,
  [inContainers('exec receiver-1 heartline status')]: docker,
  [inContainers('exec receiver-1 heartline handover --to backend-2')]: docker,
  [inContainers('exec receiver-1 cat /run/heartline/token')]: docker,
  [inContainers('kill backend-1')]: docker,
  [inContainers('start backend-1')]: docker,
  [inContainers('down')]: docker,
  'docker build -f compose/containers/Dockerfile -t heartline:local .': docker,
  'docker run --rm heartline:local receiver --help': docker,
  'kubectl create namespace heartline': cluster,
  'kubectl -n heartline create secret generic heartline-token --from-literal=token="$(openssl rand -base64 32)"':
    cluster,
  'kubectl apply -k compose/kubernetes': cluster,
  [`kubectl -n monitoring create secret generic heartline-token --from-literal=token="$(${readToken})"`]: {
    ...cluster,
    checked: 'compose/kubernetes/scraping.test.ts',
  },
}
