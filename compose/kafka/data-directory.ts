/** The directory that `--data` names: ours, and of the right shape, or refused with the reason. */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ComposeError } from '../errors.ts'

const markSchema = z.object({ clusterId: z.string(), brokers: z.number() })
/** The file that says that a directory is ours. */
export const kafkaDataMark = 'heartline-kafka.json'

/** Makes the directory if needed (in one that exists) and resolves with the id of the Kafka cluster that lives, or will live, in it. */
export async function openDataDirectory(directory: string, brokers: number): Promise<string> {
  try {
    // Not recursive: Node 26.10 spins for ever on a directory that the system never makes, such as /proc/none.
    await mkdir(directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
    const files = await readdir(directory)
    if (files.includes(kafkaDataMark)) return readMark(directory, brokers)
    // Never format over what somebody else keeps there.
    if (files.length > 0) throw new Error('it is not empty, and not a data directory of heartline kafka')
    const clusterId = newClusterId()
    await writeFile(join(directory, kafkaDataMark), `${JSON.stringify({ clusterId, brokers })}\n`)
    return clusterId
  } catch (cause) {
    if (cause instanceof ComposeError) throw cause
    throw unusable(directory, (cause as Error).message, cause)
  }
}

async function readMark(directory: string, brokers: number): Promise<string> {
  const mark = markSchema.parse(JSON.parse(await readFile(join(directory, kafkaDataMark), 'utf8')))
  if (mark.brokers === brokers) return mark.clusterId
  throw unusable(
    directory,
    `it holds the data of a Kafka of ${mark.brokers} broker${mark.brokers === 1 ? '' : 's'}; start it with --brokers ${mark.brokers}`,
  )
}

function unusable(directory: string, reason: string, cause?: unknown): ComposeError {
  return new ComposeError('DATA_DIR_UNUSABLE', `the data directory ${directory} cannot be used: ${reason}`, cause)
}

/** A Kafka UUID: 16 bytes in base64url. A leading dash would read as a flag of the storage tool. */
function newClusterId(): string {
  for (;;) {
    const id = randomBytes(16).toString('base64url')
    if (!id.startsWith('-')) return id
  }
}
