/** The public entry points as API Extractor sees them, in the declarations that tsc makes of the sources. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor'
import type { ApiItem, EntryPoint } from './api-model.ts'

const root = join(import.meta.dirname, '../..')
/** The library first: what it exports and the backend hands on has its page there. */
const entryPoints = ['checkpoint', 'backend'] as const

/** Takes some seconds: two compilers run. */
export async function extractEntryPoints(): Promise<EntryPoint[]> {
  const directory = await mkdtemp(join(tmpdir(), 'heartline-reference-'))
  try {
    const tsc = join(root, 'node_modules/.bin/tsc')
    const flags = ['-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--outDir', directory]
    await promisify(execFile)(tsc, flags, { cwd: root })
    await writeFile(join(directory, 'package.json'), '{ "name": "heartline", "version": "0.0.0", "type": "module" }')
    await symlink(join(root, 'node_modules'), join(directory, 'node_modules'))
    return await Promise.all(entryPoints.map((folder) => extract(directory, folder)))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function extract(directory: string, folder: string): Promise<EntryPoint> {
  const model = join(directory, `${folder}.api.json`)
  const quiet = { default: { logLevel: ExtractorLogLevel.None } }
  const config = ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(directory, 'package.json'),
    configObject: {
      projectFolder: directory,
      mainEntryPointFilePath: join(directory, folder, 'index.d.ts'),
      // Its own compiler: only declarations are read, and it need not know our settings but these.
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            target: 'ES2024',
            lib: ['ES2024'],
            module: 'NodeNext',
            moduleResolution: 'NodeNext',
            types: ['node'],
            strict: true,
            skipLibCheck: true,
          },
          files: [join(directory, folder, 'index.d.ts')],
        },
        skipLibCheck: true,
      },
      apiReport: { enabled: false },
      docModel: { enabled: true, apiJsonFilePath: model },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: { compilerMessageReporting: quiet, extractorMessageReporting: quiet, tsdocMessageReporting: quiet },
    },
  })
  const { errorCount } = Extractor.invoke(config, {
    localBuild: true,
    messageCallback: (message) => {
      message.handled = message.logLevel !== ExtractorLogLevel.Error
    },
  })
  if (errorCount > 0) throw new Error(`API Extractor found ${errorCount} errors in heartline/${folder}`)
  const found = JSON.parse(await readFile(model, 'utf8')) as ApiItem
  return { module: `heartline/${folder}`, folder, symbols: found.members?.[0]?.members ?? [] }
}
