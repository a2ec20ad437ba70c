import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { startDockerKafka } from './docker.ts'

const log = pino({ level: 'silent' })

/** Puts a `docker` before all others that notes what it is asked, and runs `body` of a shell script. */
async function withDocker(t: TestContext, body: string): Promise<() => Promise<string[]>> {
  const directory = await mkdtemp(join(tmpdir(), 'heartline-docker-'))
  const notes = join(directory, 'notes')
  await writeFile(notes, '')
  await writeFile(join(directory, 'docker'), `#!/bin/sh\necho "$*" >> ${notes}\n${body}\n`)
  await chmod(join(directory, 'docker'), 0o755)
  const { PATH } = process.env
  process.env.PATH = `${directory}${delimiter}${PATH}`
  t.after(() => {
    process.env.PATH = PATH
    return rm(directory, { recursive: true })
  })
  return async () => (await readFile(notes, 'utf8')).trim().split('\n')
}

test('a Kafka in Docker is started by the compose file under a name of its own, and removed with its data', async (t) => {
  const notes = await withDocker(t, 'exit 0')
  const { brokers, stop } = await startDockerKafka(log)
  assert.deepEqual(brokers, ['127.0.0.1:9092'])
  await stop()
  const [, , up, down] = await notes()
  assert.match(up ?? '', /^compose -f \S+compose\/compose\.yaml -p heartline-[0-9a-f]{8} up --wait kafka$/)
  assert.equal(down, up?.replace('up --wait kafka', 'down --volumes'))
})

test('a Docker that cannot do it is one clear error, and nothing of it stays', async (t) => {
  const failing = [
    [
      'a daemon that does not run',
      '[ "$1" != info ] || { echo "Cannot connect to the daemon" >&2; exit 1; }',
      /Cannot connect/,
    ],
    [
      'no compose',
      '[ "$*" != "compose version" ] || { echo "unknown command: docker compose" >&2; exit 1; }',
      /unknown command/,
    ],
    ['an image that cannot be had', 'case "$*" in *up*) echo "no such image" >&2; exit 1;; esac', /no such image/],
  ] as const
  for (const [what, body, reason] of failing) {
    await t.test(what, async (t) => {
      const notes = await withDocker(t, body)
      await assert.rejects(startDockerKafka(log), { code: 'DOCKER_UNUSABLE', message: reason })
      const asked = await notes()
      if (asked.some((line) => line.includes(' up '))) assert.match(asked.join('\n'), /down --volumes/)
    })
  }
})
