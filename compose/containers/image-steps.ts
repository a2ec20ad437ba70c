/** What the Dockerfile does, done without Docker: each stage is a folder, and each step runs there. */
import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, rm } from 'node:fs/promises'
import { dirname, join, matchesGlob, relative } from 'node:path'
import { promisify } from 'node:util'
import { dockerfilePath, type Instruction, readDockerfile, type Stage } from './dockerfile.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
const stepTimeoutMs = 300_000
/** npm says much. */
const outputBytesMax = 64 * 1024 * 1024

/** Goes through all stages below `directory`; resolves with the folder that is the root of the image. */
export async function buildWithoutDocker(directory: string): Promise<string> {
  const stages = await readDockerfile()
  const roots = new Map(stages.map((stage, index) => [stage, join(directory, stage.name ?? `stage-${index}`)]))
  const rootOf = (name: string) => roots.get(stages.find((stage) => stage.name === name)!)!
  for (const stage of stages) await buildStage(stage, roots.get(stage)!, rootOf)
  return roots.get(stages.at(-1)!)!
}

async function buildStage({ instructions }: Stage, stageRoot: string, rootOf: (name: string) => string): Promise<void> {
  let folder = stageRoot
  for (const { keyword, text } of instructions) {
    if (keyword === 'WORKDIR') {
      folder = join(stageRoot, text)
      await mkdir(folder, { recursive: true })
    } else if (keyword === 'RUN') await runStep(text, folder)
    else if (keyword === 'COPY') await copyStep({ keyword, text }, { stageRoot, folder, rootOf })
  }
}

async function runStep(text: string, folder: string): Promise<void> {
  // A path from the root would be this machine's.
  if (/(^|\s)\/(?!dev\/)/.test(text)) throw new Error(`not to be run outside of a container: ${text}`)
  await run('sh', ['-ec', text], { cwd: folder, timeout: stepTimeoutMs, maxBuffer: outputBytesMax })
}

interface Places {
  readonly stageRoot: string
  readonly folder: string
  rootOf(name: string): string
}

async function copyStep({ text }: Instruction, { stageRoot, folder, rootOf }: Places): Promise<void> {
  const words = text.split(' ')
  const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length)
  const paths = words.filter((word) => !word.startsWith('--'))
  const target = paths.pop()!
  const place = target.startsWith('/') ? join(stageRoot, target) : join(folder, target)
  const include = from === undefined ? await contextFilter() : () => true
  for (const path of paths) {
    const source = join(from === undefined ? root : rootOf(from), path)
    const isFolder = path === '.' || from !== undefined
    await mkdir(isFolder ? place : dirname(place), { recursive: true })
    await cp(source, isFolder ? place : join(place, path), { recursive: true, filter: include, verbatimSymlinks: true })
  }
}

/** What the build may see of the repository. */
async function contextFilter(): Promise<(path: string) => boolean> {
  const lines = (await readFile(`${dockerfilePath}.dockerignore`, 'utf8')).split('\n')
  const patterns = lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'))
  return (path) => {
    const name = relative(root, path)
    return !patterns.some((pattern) => matchesGlob(name, pattern))
  }
}

/** Removes what was built. */
export async function removeImage(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true })
}
