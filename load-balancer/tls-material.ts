/** What the balancer's TLS is made of, read from files. */
import { tlsFilesOf } from '../heartbeat-receiver/tls-options.ts'
import { readCertificates, readTlsPair, type TlsFiles, type TlsPair } from '../heartbeat-receiver/tls-pair.ts'
import type { BalancerOptions } from './config.ts'

export interface TlsMaterial {
  /** For clients; undefined if they are spoken to without TLS. */
  files: TlsFiles | undefined
  pair: TlsPair | undefined
  /** Certificates that `https://` backends are checked by; the system's if undefined. */
  backendCa: string | undefined
}

/** Throws a TlsError. */
export function readTlsMaterial(options: BalancerOptions): TlsMaterial {
  const files = tlsFilesOf(options)
  const backendCa = options.backendCa === undefined ? undefined : readCertificates(options.backendCa, '--backend-ca')
  return { files, pair: files && readTlsPair(files), backendCa }
}
