/** A client that sends bytes as they are. */
import { connect } from 'node:net'

export interface RawReply {
  /** Statuses of the final answers, in order. */
  statuses: number[]
  /** How the connection ended. */
  end: 'closed' | 'reset' | 'stuck'
  text: string
}

/** Sends `bytes`, one character for each, ends its half, and waits until the other side has ended too. */
export function sendRaw(port: number, bytes: string, patienceMs = 5_000): Promise<RawReply> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const chunks: Buffer[] = []
    const done = (end: RawReply['end']) => {
      clearTimeout(timer)
      socket.destroy()
      const text = Buffer.concat(chunks).toString('latin1')
      resolve({ statuses: finalStatuses(text), end, text })
    }
    const timer = setTimeout(() => done('stuck'), patienceMs)
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('error', () => done('reset'))
    socket.on('close', () => done('closed'))
    socket.end(bytes, 'latin1')
  })
}

function finalStatuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status)).filter((status) => status >= 200)
}
