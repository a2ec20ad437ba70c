/** A peer's failovers: two stateless servers behind its proxy, one of them killed under load, again and again. */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from '../../compose/kafka/ports.ts'
import { unixNowMs } from '../../compose/load/clock.ts'
import { longestPauseMs } from '../../compose/load/pauses.ts'
import type { BenchContext } from '../benchmark.ts'
import { type Child, startChild } from '../child.ts'
import { Cleanup } from '../cleanup.ts'
import { mustHold } from '../errors.ts'
import { temporaryDirectory } from '../peers/peer-process.ts'
import type { StartProxy } from '../peers/proxies.ts'
import { type Block, countRepeats } from './observations.ts'
import type { OpenLoadResult } from './open-load.ts'

export type KillSignal = 'SIGKILL' | 'SIGSTOP'

export interface Traffic {
  readonly ratePerSecond: number
  readonly clients: number
}

/** Load between a recovery and the next failure; ours has the same. Long enough for every connection to have been used. */
export const calmMs = 400
/** Load before the first failure. */
const warmUpMs = 1_200
/** How long a server is away, and the clients are watched: a hang longer than what proxies are told to bear. */
const awayMs = { SIGKILL: 500, SIGSTOP: 1_000 } as const
const answerTimeoutMs = 60_000
/** A server is used again once it ran so many POSTs: about a fifth of a second of its share. */
const usedRequests = 50
const usedTimeoutMs = 20_000
const pollIntervalMs = 20

/** How long a server may be silent before its request goes to the other one. */
export const silenceMs = 250

/** A proxy, and whether it is told to repeat POST too. */
export interface PeerProxy {
  readonly start: StartProxy
  readonly repeatsPost: boolean
}

/** Resolves with what the clients saw. @throws BenchError PEER_MISSING */
export async function peerBlock(
  { start, repeatsPost }: PeerProxy,
  kills: number,
  signal: KillSignal,
  traffic: Traffic,
  context: BenchContext,
): Promise<Block & { version: string }> {
  const cleanup = new Cleanup()
  try {
    const directory = await temporaryDirectory('failover')
    cleanup.add(() => rm(directory, { recursive: true, force: true }))
    const servers = await StatelessServers.start(directory)
    cleanup.add(() => servers.stop())
    const proxy = await start({ servers: servers.ports, silenceMs, repeatsPost, log: context.log })
    cleanup.add(() => proxy.stop())
    const url = `http://127.0.0.1:${proxy.port}`
    await validate(url, servers)

    const shape = [url, `${traffic.ratePerSecond}`, `${traffic.clients}`]
    const load = await startChild<string, unknown>(new URL('./open-load.ts', import.meta.url), shape)
    cleanup.add(() => load.stop())
    const killedAtMs: number[] = []
    await sleep(warmUpMs)
    for (let kill = 0; kill < kills; kill++) {
      context.signal.throwIfAborted()
      killedAtMs.push(unixNowMs())
      await servers.failAndRecover(kill % 2, signal)
      await sleep(calmMs)
    }
    const { answersMs, errors, requests } = (await load.ask('stop', answerTimeoutMs)) as OpenLoadResult
    const failovers = killedAtMs.map((atMs) => {
      const after = answersMs.find((answerMs) => answerMs > atMs)
      const pauseMs = after === undefined ? null : longestPauseMs(answersMs, atMs, atMs + awayMs[signal])
      return { detectedMs: null, decidedMs: null, readyMs: null, firstAnswerMs: null, pauseMs }
    })
    const failed = Object.values(errors).reduce((all, count) => all + count, 0)
    return {
      requests,
      errors: failed,
      runTwice: countRepeats(await servers.notes()),
      failovers,
      errorCodes: errors,
      version: proxy.version,
    }
  } finally {
    await cleanup.run()
  }
}

/** Right answers, and both servers behind the proxy take part. */
async function validate(url: string, servers: StatelessServers): Promise<void> {
  for (const id of ['check-1', 'check-2', 'check-3', 'check-4']) {
    const response = await fetch(url, { method: 'POST', body: JSON.stringify({ id }) })
    mustHold(
      response.status === 200 && (await response.text()) === '{"done":true}',
      `the proxy answered ${response.status}`,
    )
  }
  const shares = await Promise.all([0, 1].map((index) => servers.notesOf(index)))
  mustHold(
    shares.every((notes) => notes.length > 0),
    'the proxy does not use both servers',
  )
  mustHold(shares.flat().length === 4, `4 requests were run ${shares.flat().length} times`)
}

class StatelessServers {
  readonly ports: readonly number[]
  readonly #directory: string
  readonly #children: Child<string, unknown>[] = []

  static async start(directory: string): Promise<StatelessServers> {
    const servers = new StatelessServers(directory, await freePorts('127.0.0.1', 2))
    for (const index of [0, 1]) await servers.#begin(index)
    return servers
  }

  constructor(directory: string, ports: readonly number[]) {
    this.ports = ports
    this.#directory = directory
  }

  /** Fails one of the two, and has it back a little later: as a new process, or going on where it hung. */
  async failAndRecover(index: number, signal: KillSignal): Promise<void> {
    this.#children[index]!.kill(signal)
    await sleep(awayMs[signal])
    if (signal === 'SIGSTOP') this.#children[index]!.kill('SIGCONT')
    else await this.#begin(index)
    await this.#untilUsed(index)
  }

  /** Ids of the POSTs that were run, each as often as it was run. */
  async notes(): Promise<string[]> {
    return (await Promise.all([0, 1].map((index) => this.notesOf(index)))).flat()
  }

  async notesOf(index: number): Promise<string[]> {
    return (await readFile(this.#file(index), 'utf8')).split('\n').filter(Boolean)
  }

  async stop(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.stop()))
  }

  /** The next failure comes only when this server takes its part again, or the proxy would have nowhere to go. */
  async #untilUsed(index: number): Promise<void> {
    const before = (await this.notesOf(index)).length
    const deadlineMs = performance.now() + usedTimeoutMs
    while ((await this.notesOf(index)).length < before + usedRequests) {
      mustHold(performance.now() < deadlineMs, `the proxy did not use a server again within ${usedTimeoutMs} ms`)
      await sleep(pollIntervalMs)
    }
  }

  async #begin(index: number): Promise<void> {
    const path = new URL('./stateless-server.ts', import.meta.url)
    this.#children[index] = await startChild(path, [`${this.ports[index]}`, this.#file(index)])
  }

  #file(index: number): string {
    return join(this.#directory, `posts-${index}`)
  }
}
