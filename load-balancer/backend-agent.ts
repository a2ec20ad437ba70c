/** Connections of the stream lane to backends with TLS. */
import { Agent } from 'node:https'
import { isIP } from 'node:net'

/** Node would ask a backend for the certificate of the Host that a client asked for. */
export class BackendAgent extends Agent {
  override createConnection(...[options, callback]: Parameters<Agent['createConnection']>) {
    const { hostname } = options as { hostname: string }
    return super.createConnection(
      { ...options, servername: isIP(hostname) ? '' : hostname } as typeof options,
      callback,
    )
  }
}
