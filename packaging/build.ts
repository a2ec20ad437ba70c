/** `npm run build`: JavaScript and declarations into `dist`, with the files that the code reads beside it. */
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { builtFolder } from './manifest.ts'

const root = join(import.meta.dirname, '..')
/** What is no code and read at run time, or handed to people with the package. */
const assets = [
  'compose/compose.yaml',
  'compose/kafka/pom.xml',
  'compose/load/report-page/page.css',
  'compose/load/report-page/page.js',
  'compose/observability',
  'heartbeat-receiver/dashboard/page',
]

const target = join(root, builtFolder)
rmSync(target, { recursive: true, force: true })
// The page first: what it has in common with the programs is theirs, with its source map.
for (const project of ['heartbeat-receiver/dashboard/page/tsconfig.build.json', 'tsconfig.build.json'])
  execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', project], { cwd: root, stdio: 'inherit' })
for (const asset of assets)
  cpSync(join(root, asset), join(target, asset), {
    recursive: true,
    filter: (path) => !/\.ts$|\.test\.yml$|tsconfig.*\.json$/.test(path),
  })
chmodSync(join(target, 'compose/main.js'), 0o755)
