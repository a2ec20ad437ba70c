import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Bag } from './bag.ts'

test('a bag holds what was added and not removed since', () => {
  const steps = fc.array(fc.tuple(fc.nat(9), fc.boolean()))
  fc.assert(
    fc.property(steps, (taken) => {
      const items = Array.from({ length: 10 }, (_, id) => ({ id, bagIndex: -1 }))
      const bag = new Bag<(typeof items)[number]>()
      const model = new Set<number>()
      for (const [id, adds] of taken) {
        if (adds && !model.has(id)) bag.add(items[id]!)
        if (!adds) bag.remove(items[id]!)
        if (adds) model.add(id)
        else model.delete(id)
      }
      assert.deepEqual(new Set(bag.items.map(({ id }) => id)), model)
      assert.equal(bag.size, model.size)
      for (const item of items) assert.equal(item.bagIndex !== -1, model.has(item.id))
    }),
  )
})
