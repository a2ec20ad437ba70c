/** The other end of a {@link FileServant}: what a thread or a process that works on a file hears, says and was started with. */
import { parentPort, type Transferable, workerData } from 'node:worker_threads'

export interface ServantPort<To, From> {
  onMessage(listener: (message: To) => void): void
  /** `transfer` moves memory instead of copying it, where both ends share a process. */
  post(message: From, transfer?: Transferable[]): void
}

/** Opens the port. A process ends when whoever started it is gone, and only then: what is meant for that one's terminal is not meant for it. */
export function servantPort<To, From>(): ServantPort<To, From> {
  const thread = parentPort
  if (thread) {
    return {
      onMessage: (listener) => void thread.on('message', listener),
      post: (message, transfer = []) => thread.postMessage(message, transfer),
    }
  }
  process.on('disconnect', () => process.exit())
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
  return {
    onMessage: (listener) => void process.on('message', (message) => listener(message as To)),
    post: (message) => {
      // Whoever is gone is told nothing; its end is ours.
      if (process.connected) process.send!(message as object, undefined, undefined, () => undefined)
    },
  }
}

/** What it was started with. */
export function servantData<Data>(): Data {
  return parentPort ? (workerData as Data) : (JSON.parse(process.argv[2]!) as Data)
}
