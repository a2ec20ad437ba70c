/** The journal of decisions gets 20 records a second for ever. In virtual time: a quarter of an hour of two receivers, and a start after it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryLog, memoryJournal, memorySnapshots } from '../checkpoint/index.ts'
import { MemorySnapshots } from '../checkpoint/memory-snapshots.ts'
import { decisionsTailBytes } from '../heartbeat-receiver/decision-log.ts'
import { renewalMs } from '../heartbeat-receiver/leadership.ts'
import { ReceiverNode, type ReceiverPorts } from '../heartbeat-receiver/receiver-node.ts'
import { Kernel } from './simulation/kernel.ts'
import { macrotask } from './simulation/microtasks.ts'
import { SimProcess } from './simulation/process.ts'
import { silentLog } from './simulation/silent-log.ts'

const silent = () => undefined

class Receivers {
  readonly kernel = new Kernel(false)
  readonly journal = createMemoryLog()
  readonly snapshots = new MemorySnapshots()
  readonly processes: SimProcess[] = []

  start(name: string): ReceiverNode {
    const clock = { rate: 1, wallMs: 1_000_000, stoodStillMs: 0 }
    const process = new SimProcess(this.kernel, name, `${name}-${this.processes.length}`, clock, 1)
    this.processes.push(process)
    const { time, random } = process
    let ids = 0
    const ports: ReceiverPorts = {
      ...{ send: silent, close: silent, broadcast: silent, tell: silent, tellAll: silent, tellPeers: silent },
      ...{ publish: silent, failedOver: silent, leads: silent },
      probe: () => new Promise((resolve) => void time.after(1, () => resolve('connected'))),
      failed: (error) => assert.fail(error),
    }
    const node = new ReceiverNode({
      ...{ name, incarnation: process.incarnation, url: () => `ws://${name}:7070`, heartbeatMs: 100, peers: [] },
      ...{ time, random, ports, log: silentLog, newId: () => `${process.incarnation}-${++ids}` },
      journal: memoryJournal(this.journal, time),
      snapshots: memorySnapshots(this.snapshots, time),
      dial: () => assert.fail('there are no peers'),
    })
    node.start()
    return node
  }

  kill(name: string): void {
    this.processes.find((process) => process.name === name && process.alive)?.kill()
  }
}

test('the journal of decisions is cut behind its snapshots, and a start reads little of it', async () => {
  await macrotask(() => {
    const receivers = new Receivers()
    const { kernel, journal } = receivers
    const first = receivers.start('r1')
    kernel.run(1_000)
    const second = receivers.start('r2')
    const minutes = 15
    const recordsMax = Math.ceil((3 * decisionsTailBytes) / 120)
    for (let minute = 1; minute <= minutes; minute++) {
      kernel.run(minute * 60_000)
      assert.ok(first.leads && !second.leads, `minute ${minute}`)
      assert.ok(journal.records.length - journal.first < recordsMax, `minute ${minute}: ${journal.first}`)
    }
    assert.ok(
      journal.first > 0 && journal.records.length > (0.8 * minutes * 60_000) / renewalMs,
      `${journal.records.length}`,
    )
    assert.ok(receivers.snapshots.manifests.size <= 3 && receivers.snapshots.chunks.size <= 30)

    for (const name of ['r1', 'r2']) receivers.kill(name)
    const third = receivers.start('r3')
    const startedMs = kernel.nowMs
    while (!third.leads) kernel.run(kernel.nowMs + 10)
    assert.ok(kernel.nowMs - startedMs < 1_000, `it leads after ${kernel.nowMs - startedMs} ms`)
  })
})
