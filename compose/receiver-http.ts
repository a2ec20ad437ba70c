/** Where a receiver is asked by HTTP. Pure. */

/** `http://…` or `https://…`, without a slash at the end, of a receiver's URL as `--receivers` takes it; one of HTTP already stays. */
export function receiverHttp(receiverUrl: string): string {
  return receiverUrl.replace(/^ws/, 'http').replace(/\/$/, '')
}
