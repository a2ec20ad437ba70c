/** The best network that may be had here, and a word about one that is second best. */
import type { Logger } from 'pino'
import { NamespaceNetwork, openNamespaces } from './namespaces.ts'
import type { Network } from './network.ts'
import { ProxyNetwork } from './proxies.ts'

export interface Wanted {
  readonly network: 'auto' | 'namespaces' | 'proxies'
  readonly names: readonly string[]
  /** Keeps installations that run side by side apart, 0 to 255. */
  readonly subnet: number
  readonly log: Logger
}

/** @throws Error if namespaces are insisted on, and may not be had. */
export async function openNetwork({
  network,
  names,
  subnet,
  log,
}: Wanted): Promise<{ network: Network; word?: string }> {
  if (network === 'proxies') return { network: new ProxyNetwork(names, subnet) }
  const opened = await openNamespaces(names, log)
  if (opened instanceof NamespaceNetwork) return { network: opened }
  if (network === 'namespaces') throw new Error(`network namespaces cannot be had: ${opened.reason}`)
  const word = `NO NETWORK NAMESPACES (${opened.reason}): cuts are made by proxies, and rows that need more are left out`
  return { network: new ProxyNetwork(names, subnet), word }
}
