/** Opens connections to a backend, within a bound that is kept to: undici's own fires up to half a second late. */
import { isIP } from 'node:net'
import { buildConnector, errors } from 'undici'

/** Longer than a round trip anywhere, and short enough that a machine that is cut off is reported twice within a good second. Milliseconds. */
export const connectTimeoutMs = 500
/** The same where a name is looked up first, or TLS is agreed upon, for which the other process has to run. Milliseconds. */
export const slowConnectTimeoutMs = 1_000

/** @param ca certificates in which to trust for `https://` beside none else; the system's if undefined */
export function connectorOf(ca: string | undefined): buildConnector.connector {
  const connect = buildConnector({ allowH2: false, timeout: 0, ...(ca === undefined ? {} : { ca }) })
  return (options, callback) => {
    const quick = options.protocol === 'http:' && isIP(options.hostname) !== 0
    let late: NodeJS.Immediate | undefined
    const timer = setTimeout(
      () => {
        // After this turn of the loop: if it was us who stood still, the connection may be there already.
        late = setImmediate(() => socket.destroy(new errors.ConnectTimeoutError()))
      },
      quick ? connectTimeoutMs : slowConnectTimeoutMs,
    )
    // The certificate is to be for the backend, not for the Host that a client asked for.
    const asked = { ...options, servername: null as unknown as string }
    // What undici's types leave out: its connector returns the socket.
    const socket = connect(asked, (...result) => {
      clearTimeout(timer)
      clearImmediate(late)
      callback(...result)
    }) as unknown as { destroy(error: Error): void }
  }
}
