import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventHeap } from './event-heap.ts'
import { Kernel } from './kernel.ts'
import { macrotask } from './microtasks.ts'
import { SimProcess } from './process.ts'
import { streamOf } from './random.ts'

function started() {
  const kernel = new Kernel(false)
  const clock = { rate: 1, wallMs: 1_000_000, stoodStillMs: 0 }
  return { kernel, clock, process: new SimProcess(kernel, 'p', 'p#1', clock, 1) }
}

test('events come in the order of their time, and of their making where that is equal', () => {
  const heap = new EventHeap()
  const random = streamOf(1, 'heap')
  const made = Array.from({ length: 500 }, () => heap.add(Math.floor(random() * 50), () => undefined))
  const taken = Array.from({ length: 500 }, () => heap.take()!)
  assert.deepEqual(
    taken,
    [...made].sort((one, other) => one.atMs - other.atMs || one.order - other.order),
  )
  assert.equal(heap.take(), undefined)
})

test('what promises make ready happens before the next event', () =>
  macrotask(() => {
    const { kernel } = started()
    const seen: string[] = []
    kernel.at(
      1,
      () =>
        void Promise.resolve().then(async () => {
          await null
          seen.push('promise')
        }),
    )
    kernel.at(1, () => void seen.push('event'))
    kernel.run(2)
    assert.deepEqual(seen, ['promise', 'event'])
  }))

test('a stopped process takes nothing until it goes on, and then its timers first', () => {
  const { kernel, process } = started()
  const seen: string[] = []
  process.time.after(10, () => seen.push('timer'))
  kernel.at(5, () => process.stop())
  kernel.at(6, () => process.take(() => seen.push('message')))
  kernel.run(50)
  assert.deepEqual(seen, [])
  process.resume()
  kernel.run(60)
  assert.deepEqual(seen, ['timer', 'message'])
})

test('nothing of a killed process runs again', () => {
  const { kernel, process } = started()
  let ran = 0
  process.time.after(10, () => ran++)
  process.time.every(3, () => ran++)
  process.time.soon(() => ran++)
  process.stop()
  process.take(() => ran++)
  process.kill()
  process.resume()
  kernel.run(100)
  assert.equal(ran, 0)
})

test('in a suspended machine the monotonic clock and its timers stand still, the wall clock does not', () => {
  const { kernel, clock, process } = started()
  const beganMs = process.time.wall()
  let firedMs = 0
  process.time.after(100, () => {
    firedMs = kernel.nowMs
  })
  kernel.run(50)
  process.stop()
  kernel.run(1_050)
  clock.stoodStillMs += 1_000
  process.resume()
  assert.ok(Math.abs(process.time.now() - 50) < 0.001)
  assert.equal(process.time.wall() - beganMs, 1_050)
  kernel.run(2_000)
  assert.ok(firedMs >= 1_099 && firedMs <= 1_101, `${firedMs}`)
})

test('a slow process takes one event after the other, each for its time', () => {
  const { kernel, process } = started()
  process.eventCostMs = 2
  const at: number[] = []
  for (let count = 0; count < 3; count++) kernel.at(1, () => process.take(() => at.push(kernel.nowMs)))
  kernel.run(10)
  assert.deepEqual(at, [1, 3, 5])
})

test('a timer that was called off does not fire, and counts no more', () => {
  const { kernel, process } = started()
  const cancel = process.time.after(10, () => assert.fail())
  const end = process.time.every(10, () => undefined)
  kernel.run(5)
  assert.equal(process.timers, 2)
  cancel()
  kernel.run(40)
  end()
  kernel.run(100)
  assert.equal(process.timers, 0)
})
