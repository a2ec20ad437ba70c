/** Which neighbours may say who their clients are. */
import { BlockList, isIP } from 'node:net'

/** One entry of the list as people write it, taken apart; undefined if it is none. */
function parseEntry(text: string): { address: string; prefixBits: number }[] | undefined {
  if (text === 'loopback')
    return [
      { address: '127.0.0.0', prefixBits: 8 },
      { address: '::1', prefixBits: 128 },
    ]
  const [address = '', bits, ...rest] = text.split('/')
  const widest = isIP(address) === 4 ? 32 : 128
  if (isIP(address) === 0 || rest.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits))) return undefined
  const prefixBits = bits === undefined ? widest : Number(bits)
  return prefixBits <= widest ? [{ address, prefixBits }] : undefined
}

/** True for `loopback`, an IP address, or a CIDR block such as `10.0.0.0/8`. */
export function isTrustEntry(text: string): boolean {
  return parseEntry(text) !== undefined
}

/** Tells of an address without zone, as {@link plainAddress} makes it, whether one of `entries` covers it. */
export function trustOf(entries: readonly string[]): (address: string) => boolean {
  if (entries.length === 0) return () => false
  const list = new BlockList()
  for (const { address, prefixBits } of entries.flatMap((entry) => parseEntry(entry) ?? []))
    list.addSubnet(address, prefixBits, isIP(address) === 4 ? 'ipv4' : 'ipv6')
  return (address) => isIP(address) !== 0 && list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')
}
