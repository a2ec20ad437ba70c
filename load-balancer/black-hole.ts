/** For tests: a place to which no connection can be made, and none is refused. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

/** As a machine that is cut off: nobody answers a SYN. A process that stands still, with a queue of connections that is full. */
export async function blackHole(t: TestContext): Promise<number> {
  const listener =
    "require('node:net').createServer().listen({port:0,backlog:1,host:'127.0.0.1'},function(){console.log(this.address().port)})"
  const child = spawn(process.execPath, ['-e', listener], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const [text] = (await once(child.stdout, 'data')) as [Buffer]
  const port = Number(text.toString())
  child.kill('SIGSTOP')
  for (let full = false; !full; ) {
    const socket: Socket = connect(port, '127.0.0.1').on('error', () => undefined)
    t.after(() => socket.destroy())
    full = !(await Promise.race([once(socket, 'connect'), sleep(100, null)]))
  }
  return port
}
