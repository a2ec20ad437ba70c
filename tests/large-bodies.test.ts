/**
 * Bodies of any size pass a balancer in bounded memory, however slow the other side is. The size is that of
 * HEARTLINE_LARGE_BODY, such as 2GiB. The memory measured is the most that the balancer's process ever had (Linux).
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream/promises'
import { type TestContext, test } from 'node:test'
import { byteCount } from '../checkpoint/units.ts'

const bytes = byteCount.parse(process.env.HEARTLINE_LARGE_BODY ?? '256MiB')
const part = Buffer.alloc(1024 * 1024, 'x')
/** Of buffers on the way, and of garbage that was not collected yet. */
const growthMaxBytes = 128 * 1024 * 1024
const skip = process.platform === 'linux' ? false : 'the peak of another process is read from /proc'

/** A body, and how much of it was taken so far. */
class Body {
  taken = 0

  async *parts() {
    for (let left = bytes; left > 0; left -= part.length) {
      yield left < part.length ? part.subarray(0, left) : part
      this.taken += Math.min(left, part.length)
    }
  }

  /** Waits until no more is taken, because nobody reads at the other end. */
  async heldUp(): Promise<void> {
    for (let before = -1; before !== this.taken || this.taken === 0; ) {
      before = this.taken
      await new Promise((resolve) => setTimeout(resolve, 700))
    }
    assert.ok(this.taken < growthMaxBytes, `the sender is held up, not after ${mebibytes(this.taken)}`)
  }
}

/** Reads all, but nothing until the sender is held up, and with pauses. Resolves with the length. */
async function readSlowly(stream: IncomingMessage, body: Body): Promise<number> {
  await body.heldUp()
  let length = 0
  let sincePause = 0
  for await (const chunk of stream) {
    length += chunk.length
    sincePause += chunk.length
    if (sincePause < 16 * part.length) continue
    sincePause = 0
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return length
}

/** Most memory that a process ever had, bytes. */
function peakOf({ pid }: ChildProcess): number {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!
  return Number(kibibytes) * 1024
}

async function startBackend(t: TestContext, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function startBalancer(t: TestContext, backend: string): Promise<{ url: string; child: ChildProcess }> {
  const main = join(import.meta.dirname, '..', 'compose', 'main.ts')
  const where = ['--port', '0', '--admin-port', '0', '--receivers', 'none', '--backends', backend]
  const child = spawn(process.execPath, [main, 'balancer', ...where, '--strategy', 'round-robin'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  for await (const line of createInterface({ input: child.stdout! })) {
    const { event, url } = JSON.parse(line)
    if (event === 'listening') {
      child.stdout!.resume()
      return { url, child }
    }
  }
  throw new Error('the balancer ended')
}

/** One small request first, so that what is measured is no start. */
async function warm(url: string, child: ChildProcess): Promise<number> {
  const response = await fetch(url)
  await response.arrayBuffer()
  return peakOf(child)
}

const mebibytes = (count: number) => `${Math.round(count / part.length)} MiB`

test('an upload to a slow backend', { skip }, async (t) => {
  const body = new Body()
  let failure: unknown
  const backend = await startBackend(t, async (request, response) => {
    if (request.method === 'GET') return void response.end('warm')
    const length = await readSlowly(request, body).catch((error) => {
      failure = error
    })
    response.end(String(length))
  })
  const { url, child } = await startBalancer(t, backend)
  const before = await warm(url, child)
  const request = httpRequest(url, { method: 'PUT', headers: { 'content-length': String(bytes) } })
  const answered = once(request, 'response')
  await pipeline(() => body.parts(), request)
  const [response] = (await answered) as [IncomingMessage]
  let text = ''
  for await (const chunk of response) text += chunk
  assert.ifError(failure)
  assert.equal(text, String(bytes))
  const peak = peakOf(child)
  t.diagnostic(`${mebibytes(bytes)} up: from ${mebibytes(before)} to at most ${mebibytes(peak)}`)
  assert.ok(peak - before < growthMaxBytes, `grew by ${mebibytes(peak - before)}`)
})

for (const [lane, accept] of [
  ['replay', '*/*'],
  ['stream', 'text/event-stream'],
]) {
  test(`a download by a slow client in the ${lane} lane`, { skip }, async (t) => {
    const body = new Body()
    const backend = await startBackend(t, async (request, response) => {
      if (request.url !== '/large') return void response.end('warm')
      await pipeline(() => body.parts(), response).catch(() => undefined)
    })
    const { url, child } = await startBalancer(t, backend)
    const before = await warm(url, child)
    const request = httpRequest(new URL('/large', url), { headers: { accept } })
    request.end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    assert.equal(await readSlowly(response, body), bytes)
    const peak = peakOf(child)
    t.diagnostic(`${mebibytes(bytes)} down: from ${mebibytes(before)} to at most ${mebibytes(peak)}`)
    assert.ok(peak - before < growthMaxBytes, `grew by ${mebibytes(peak - before)}`)
  })
}
