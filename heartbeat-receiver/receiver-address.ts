/**
 * Where a receiver is reached, as its claim says it, and whether that is a place where a refused connection proves that it is no more. Pure.
 *
 * A loopback address is another place on every machine, so a claim carries the machine's name behind it, as `ws://127.0.0.1:7070/#machine`.
 * An address that stands for all of a machine (`0.0.0.0`) can be dialled by nobody and proves nothing.
 */

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/
const unspecified = /^(0\.0\.0\.0|\[::\])$/

/** What a receiver writes into its claim for the URL it listens on. */
export function claimedUrl(url: string, machine: string): string {
  const host = URL.parse(url)?.hostname ?? ''
  if (unspecified.test(host)) return ''
  return loopback.test(host) ? `${url}/#${encodeURIComponent(machine)}` : url
}

/** The machine that a claimed URL names; empty if it names none, as it is the same place for everybody. */
export function machineOf(claimed: string): string {
  return decodeURIComponent(URL.parse(claimed)?.hash.slice(1) ?? '')
}

/** The place that a URL means for whoever is on `machine`, in a form that can be compared; null if it is none. */
export function placeOf(url: string, machine: string): string | null {
  const parsed = URL.parse(url)
  if (!parsed || parsed.hostname === '' || unspecified.test(parsed.hostname)) return null
  const port = parsed.port || (parsed.protocol === 'wss:' ? '443' : '80')
  if (!loopback.test(parsed.hostname)) return `${parsed.hostname}:${port}`
  return `loopback:${port}#${machineOf(url) || machine}`
}

/** True if whoever is on `machine` can dial the URL, and would reach the very process that claimed it. */
export function isWithinReach(claimed: string, machine: string): boolean {
  if (placeOf(claimed, machine) === null) return false
  const named = machineOf(claimed)
  return named === '' ? !loopback.test(URL.parse(claimed)!.hostname) : named === machine
}
