/** Shows on standard error where a run stands: one line that rewrites itself on a terminal, a plain line per second elsewhere. */
import type { LoadProgress } from './load.ts'

const terminalIntervalMs = 200
const plainIntervalMs = 1_000

/** Starts showing; the returned function ends it and clears the line. */
export function showProgress(progress: () => LoadProgress, out: NodeJS.WriteStream = process.stderr): () => void {
  const startMs = performance.now()
  const show = () => {
    const line = progressLine(progress(), performance.now() - startMs)
    out.write(out.isTTY ? `\r\x1b[K${line}` : `${line}\n`)
  }
  const timer = setInterval(show, out.isTTY ? terminalIntervalMs : plainIntervalMs)
  return () => {
    clearInterval(timer)
    if (out.isTTY) out.write('\r\x1b[K')
  }
}

function progressLine({ requests, ok, errors, waiting, backend, epoch }: LoadProgress, elapsedMs: number): string {
  const seconds = (elapsedMs / 1_000).toFixed(1).padStart(5)
  const where = backend === '' ? 'no answer yet' : `${backend}, epoch ${epoch}`
  const queue = waiting > 0 ? `, ${waiting} waiting` : ''
  return `${seconds} s  ${requests} requests, ${ok} ok, ${errors} errors${queue}  (${where})`
}
