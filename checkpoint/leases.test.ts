/** Leases of a checkpoint, in virtual time: as a backend uses them, and over HTTP. */
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { Checkpoint } from './checkpoint.ts'
import { createMemoryLog, type MemoryLog, memoryJournal } from './memory-journal.ts'
import { formatRequestHeader, requestHeader } from './request-headers.ts'
import { routes } from './route.ts'
import type { RouteRequest } from './route-handler.ts'
import { momentOf } from './staleness.ts'
import { silent } from './test-checkpoint.ts'
import { VirtualTime } from './virtual-time.ts'

const forMs = 200

class Scene {
  readonly time = new VirtualTime()
  readonly log: MemoryLog = createMemoryLog()
  readonly checkpoint: Checkpoint
  readonly #seats: { get(key: string): number | undefined; set(key: string, value: number): unknown }

  constructor(t: TestContext) {
    this.checkpoint = new Checkpoint({
      journal: memoryJournal(this.log, this.time),
      ...{ incarnation: 'a', node: 'a', log: silent, time: this.time },
    })
    this.#seats = this.checkpoint.map<number>('seats')
    t.after(async () => {
      const closed = this.checkpoint.close(0)
      await this.time.run(1_000)
      await closed
    })
  }

  /** Leads epoch 1, with a lease for it. */
  async lead(): Promise<void> {
    void this.checkpoint.start()
    await this.time.run(1_000)
    this.checkpoint.lead(1)
    await this.time.run(100)
    this.grant(1)
  }

  grant(epoch: number): void {
    this.checkpoint.grantLease({ epoch, forMs, sentAt: momentOf(this.time) })
  }

  set(value: number): Promise<unknown> {
    return this.checkpoint.transact(() => this.#seats.set('s', value))
  }

  /** What a read came to within no time: nothing if it waits. */
  async readNow(): Promise<number[]> {
    const seen: number[] = []
    void this.checkpoint
      .read(() => this.#seats.get('s') ?? 0)
      .then(
        (value) => seen.push(value),
        () => undefined, // the scene is over
      )
    await null
    await null
    return seen
  }
}

async function leading(t: TestContext): Promise<Scene> {
  const scene = new Scene(t)
  await scene.lead()
  void scene.set(1)
  await scene.time.run(50)
  return scene
}

test('under a lease reads are answered from memory, and the journal does not grow; without one by a record', async (t) => {
  const scene = await leading(t)
  const records = scene.log.records.length
  for (let count = 0; count < 5; count++) assert.deepEqual(await scene.readNow(), [1])
  await scene.time.run(10)
  assert.equal(scene.log.records.length, records)
  assert.deepEqual(scene.checkpoint.status().reads, { byLease: 5, byBarrier: 0 })
  assert.equal(scene.checkpoint.status().leased, true)
  await scene.time.run(forMs)
  assert.equal(scene.checkpoint.status().leased, false)
  assert.deepEqual(await scene.readNow(), [])
  await scene.time.run(10)
  assert.equal(scene.log.records.length, records + 1)
  assert.deepEqual(scene.checkpoint.status().reads, { byLease: 5, byBarrier: 1 })
})

test('a process that stood still reads its clock before it answers: no timer has told it that its lease is over', async (t) => {
  const scene = await leading(t)
  scene.time.standStill(forMs)
  assert.deepEqual(await scene.readNow(), [])
})

test('a read under a lease waits for the write that it saw', async (t) => {
  const scene = await leading(t)
  void scene.set(2)
  assert.deepEqual(await scene.readNow(), [])
  await scene.time.run(10)
  assert.deepEqual(scene.checkpoint.status().reads, { byLease: 1, byBarrier: 0 })
})

test('who gave its lease up reads by barriers, whatever it is granted for that reign, and by a lease of its next', async (t) => {
  const scene = await leading(t)
  scene.checkpoint.dropLease()
  scene.grant(1)
  assert.deepEqual(await scene.readNow(), [])
  await scene.time.run(10)
  scene.checkpoint.lead(2)
  await scene.time.run(10)
  assert.deepEqual(await scene.readNow(), [])
  await scene.time.run(10)
  scene.grant(2)
  assert.deepEqual(await scene.readNow(), [1])
})

test('a lease granted before the claim counts once the claim is valid', async (t) => {
  const scene = await leading(t)
  scene.grant(2)
  scene.checkpoint.lead(2)
  assert.equal(scene.checkpoint.phase, 'settling')
  assert.equal(scene.checkpoint.status().leased, false)
  await scene.time.run(10)
  assert.deepEqual(await scene.readNow(), [1])
})

test('who is fenced has no lease, and refuses', async (t) => {
  const scene = await leading(t)
  const other = new Checkpoint({
    journal: memoryJournal(scene.log, scene.time),
    ...{ incarnation: 'b', node: 'b', log: silent, time: scene.time },
  })
  void other.start()
  await scene.time.run(100)
  other.lead(2)
  await scene.time.run(40)
  assert.equal(scene.checkpoint.phase, 'standby')
  assert.equal(scene.checkpoint.status().leased, false)
  await assert.rejects(
    scene.checkpoint.read(() => 0),
    { code: 'NOT_ACTIVE' },
  )
  void other.close(0)
})

test('a request that names a higher epoch ends the lease for good; one of the own epoch does not', async (t) => {
  const scene = await leading(t)
  const { route } = routes(scene.checkpoint, { node: 'a', log: silent })
  const get = route(() => ({ body: scene.checkpoint.map('seats').get('s') }))
  const ask = (epoch: number) => {
    let answers = 0
    const note = formatRequestHeader({ session: null, number: 0, lowestWaiting: 0, epoch, replays: 0 })
    const request = { method: 'GET', url: '/', headers: { [requestHeader]: note } } as unknown as RouteRequest
    const response = { headersSent: false, writeHead: () => undefined, end: () => void answers++ }
    get(request, response as unknown as ServerResponse)
    return answers === 1
  }
  assert.equal(ask(1), true)
  assert.equal(ask(2), false)
  scene.grant(1)
  assert.equal(ask(1), false)
  await scene.time.run(10)
})

test('a caller that fails on an answer given at once costs nobody else anything', async (t) => {
  const scene = await leading(t)
  const fails = () => {
    throw new Error('of the caller')
  }
  scene.checkpoint.submit(() => 1, String, { readOnly: true }, fails)
  assert.deepEqual(await scene.readNow(), [1])
})
