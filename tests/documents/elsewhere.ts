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
  checked: 'compose/observability/observability.test.ts',
}

export const elsewhere: Readonly<Record<string, Elsewhere>> = {
  'npm ci': ci('npm ci --no-audit --no-fund'),
  'npm test': ci('npm test'),
  'npm run check': ci('npm test'), // its first half
  'npm run test:bench': ci('npm run test:bench'),
  'npm run test:faults': ci('npm run test:faults'),
  'npm run simulate -- --mutations': ci('npm run simulate -- --mutations'),
  'npm pack': test('tests/package.test.ts', "'npm', ['pack'"),
  'npm pack --pack-destination /tmp': test('tests/package.test.ts', "'npm', ['pack'"),
  'node examples/counter.ts': test('tests/examples.test.ts', "command('counter.ts')"),
  'npm run bench -- writes': bench('writes'),
  'npm run bench -- reads': bench('reads'),
  'npm run bench -- restore': bench('restore'),
  'npm run bench -- handover': bench('handover'),
  'npm run bench -- proxy': bench('proxy'),
  'npm run bench -- receiver': bench('receiver'),
  'docker compose -f compose/compose.yaml --profile observability up -d': docker,
}
