/** One fake backend in a process of its own, which is named before the fleet and is killed. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { FakeBackend } from './fake-backend.ts'

/** Heavier than the fleet's. */
const weight = 100
const [receiver, name] = process.argv.slice(2) as [string, string]

const door = createServer((socket) => socket.destroy())
door.listen(0, '127.0.0.1')
await once(door, 'listening')
const backend = new FakeBackend({
  receiver,
  name,
  url: `http://127.0.0.1:${(door.address() as AddressInfo).port}`,
  weight,
})
await backend.welcomed
process.on('disconnect', () => process.exit())
process.send!({ name })
