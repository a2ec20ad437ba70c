/** Thousands of fake standbys in a process of their own, so that what they cost is not the receiver's. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { FakeBackend } from './fake-backend.ts'

export interface FleetQuestion {
  readonly receiver: string
  /** How many there shall be from now on. */
  readonly size: number
}
export interface FleetAnswer {
  readonly connected: number
  /** Heartbeats answered since the start. */
  readonly answered: number
}

/** So many connections are opened at a time. */
const openingAtOnce = 50

const fleet: FakeBackend[] = []
const prefix = process.argv[2] ?? 'fleet'
// A probe finds somebody there: the fleet is alive, whatever happens to one of its connections.
const door = createServer((socket) => socket.destroy())
door.listen(0, '127.0.0.1')
await once(door, 'listening')
const url = `http://127.0.0.1:${(door.address() as AddressInfo).port}`

async function resize({ receiver, size }: FleetQuestion): Promise<void> {
  for (const left of fleet.splice(size)) left.close()
  while (fleet.length < size) {
    const joining = Array.from({ length: Math.min(openingAtOnce, size - fleet.length) }, (_, index) => {
      const name = `${prefix}-${fleet.length + index}`
      return new FakeBackend({ receiver, name, url, weight: 1 })
    })
    fleet.push(...joining)
    await Promise.all(joining.map(({ welcomed }) => welcomed))
  }
}

function count(): FleetAnswer {
  return {
    connected: fleet.filter(({ connected }) => connected).length,
    answered: fleet.reduce((sum, { answered }) => sum + answered, 0),
  }
}

process.on('message', async (question: FleetQuestion) => {
  await resize(question)
  process.send!(count())
})
process.on('disconnect', () => process.exit())
process.send!(count())
