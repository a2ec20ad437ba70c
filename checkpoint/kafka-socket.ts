import net from 'node:net'
import tls from 'node:tls'
import type { ISocketFactory } from 'kafkajs'

/** kafkajs leaves Nagle's algorithm on, which can hold the tail of a large request back until the broker's delayed ACK. */
export const kafkaSocket: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const socket = ssl
    ? tls.connect({ host, port, ...(net.isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
    : net.connect({ host, port }, onConnect)
  socket.setNoDelay(true)
  socket.setKeepAlive(true, 30_000)
  return socket
}
