/** The best network that may be had here, and a word about one that is second best. */
import type { Logger } from 'pino'
import { openNamespaces } from './namespaces.ts'
import type { Network } from './network.ts'

export async function openNetwork(
  wanted: 'auto' | 'namespaces' | 'proxies',
  names: readonly string[],
  log: Logger,
): Promise<{ network: Network; word?: string }> {
  if (wanted !== 'proxies') {
    const opened = await openNamespaces(names, log)
    if (!('reason' in opened)) return { network: opened }
    throw new Error(`network namespaces cannot be had: ${opened.reason}`)
  }
  throw new Error('not yet')
}
