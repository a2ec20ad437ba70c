/** Asks whoever started the backends to kill one: for demonstrations. A shell. */

/** How long it may take, milliseconds. */
const timeoutMs = 3_000

/** Resolves with null when it is done, or with why not: words that do not tell the URL, as that is a secret. Never rejects. */
export async function askKillHook(url: string, name: string): Promise<string | null> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name }),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    })
    await response.body?.cancel()
    return response.ok ? null : `the kill hook answers ${response.status}`
  } catch (error) {
    return (error as Error).name === 'TimeoutError'
      ? 'the kill hook gives no answer'
      : 'the kill hook cannot be reached'
  }
}
