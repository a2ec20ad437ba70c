/** Fetches the answer of another API, in bounded time and size. */

export type UpstreamAnswer =
  | { type: 'answer'; status: number; contentType: string; body: Buffer }
  | { type: 'unreachable'; reason: string }

const timeoutMs = 5_000
const bodyBytesMax = 1024 * 1024

/** Never rejects: what fails is `unreachable`, with a reason that does not show the URL's credentials. */
export async function fetchUpstream(url: string): Promise<UpstreamAnswer> {
  const { host } = new URL(url)
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) })
    const body = await readBounded(response)
    if (body === undefined) return { type: 'unreachable', reason: `${host} answered more than ${bodyBytesMax} bytes` }
    const contentType = response.headers.get('content-type') ?? 'application/octet-stream'
    return { type: 'answer', status: response.status, contentType, body }
  } catch (error) {
    const late = error instanceof DOMException && error.name === 'TimeoutError'
    return {
      type: 'unreachable',
      reason: late ? `${host} did not answer in ${timeoutMs} ms` : `${host} cannot be reached`,
    }
  }
}

async function readBounded(response: Response): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > bodyBytesMax) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
