import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { connectionsMax } from './forward.ts'
import { startCluster } from './test-cluster.ts'
import { memberOf } from './test-streams.ts'

for (const strategy of ['active', 'round-robin']) {
  it(`connections in the making are bounded although those leave for whom they are (${strategy})`, async (t) => {
    const { a, follower, balancer } = await startCluster(t, { options: { strategy } })
    let open = 0
    // Takes connections, and never says a word of TLS.
    const mute = createServer((socket) => {
      open += 1
      socket.on('error', () => socket.destroy()).resume()
    })
    mute.listen(0, '127.0.0.1')
    t.after(() => mute.close())
    await once(mute, 'listening')
    const url = `https://127.0.0.1:${(mute.address() as AddressInfo).port}`
    follower.decide({ ...a.decision(2), incarnation: 'a-2', url })
    follower.tell([{ ...memberOf(a), url }])
    const beganMs = performance.now()
    for (let count = 0; count < connectionsMax + 50; count++) {
      const socket = connect(balancer.port, '127.0.0.1').on('error', () => undefined)
      socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
      const before = open
      for (let turns = 0; turns < 200 && open === before; turns++) await turn()
      socket.resetAndDestroy()
    }
    // Each attempt ends after a second, and others may follow.
    const attempts = Math.ceil((performance.now() - beganMs) / 1_000)
    assert.ok(open > 0 && open <= connectionsMax * attempts, `${open} connections`)
  })
}
