/** Runs a load in a worker thread, so that whoever watches a run does not disturb its clocks. Started by `load-thread.ts`. */
import { parentPort, workerData } from 'node:worker_threads'
import { createLoad, type GoodAnswer, type LoadSettings } from './load.ts'
import type { FromLoadThread } from './load-thread.ts'

const batchIntervalMs = 20

const port = parentPort
if (!port) throw new Error('worker.ts runs only as a worker thread')
const tell = (message: FromLoadThread) => port.postMessage(message)

const stop = new AbortController()
port.once('message', () => stop.abort())

const load = createLoad(workerData as LoadSettings)
let batch: GoodAnswer[] = []
load.onAnswer((answer) => batch.push(answer))
const flush = () => {
  if (batch.length > 0) tell({ type: 'answers', answers: batch })
  tell({ type: 'progress', progress: load.progress() })
  batch = []
}
const timer = setInterval(flush, batchIntervalMs)

const { report, findings, readBackError } = await load.run(stop.signal)
clearInterval(timer)
flush()
tell({
  type: 'result',
  result: { report, findings, ...(readBackError ? { readBackError: readBackError.message } : {}) },
})
port.close()
