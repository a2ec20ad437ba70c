/** The network between the processes of an installation, which can be cut while they run. */

/** Where Kafka is, beside the test's own clients. */
export const harness = 'kafka'

export interface Place {
  readonly host: string
  /** What a process is started with, so that it runs there; nothing where all are on one host. */
  readonly command: readonly string[]
}

export interface Network {
  /** For the report: how cuts are made. */
  readonly kind: 'namespaces' | 'proxies'
  /** Where the process of this name runs and listens. */
  place(name: string): Place
  /** Where `from` finds what listens on `port` at `to`; without `from`, where anybody does. */
  route(to: string, port: number, from?: string): Promise<{ readonly host: string; readonly port: number }>
  /** From now on nothing of what `from` sends reaches `to`, without a word to either. */
  block(from: string, to: string): Promise<void>
  /** Resets what connections there are from `from` to `to`; both ends hear of it. Resolves with how many there were. */
  reset(from: string, to: string): Promise<number>
  /** Ends all blocks. */
  heal(): Promise<void>
  /** Leaves nothing behind. */
  close(): Promise<void>
}

/** Cuts both directions between one and each of the others. */
export async function cut(network: Network, one: string, others: readonly string[]): Promise<void> {
  await Promise.all(others.flatMap((other) => [network.block(one, other), network.block(other, one)]))
}
