/** Options of whoever speaks TLS to its clients. */
import { z } from 'zod'

/** To be spread into the options; {@link checkTlsOptions} holds them together. */
export const tlsOptions = {
  tlsCert: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'PEM file with the certificate and its chain: speaks TLS' }),
  tlsKey: z.string().min(1).optional().meta({ description: 'PEM file with the key of the certificate' }),
}

type TlsValues = z.output<z.ZodObject<typeof tlsOptions>>

/** Both or neither. */
export function checkTlsOptions({ tlsCert, tlsKey }: TlsValues, context: z.RefinementCtx): void {
  if (tlsCert !== undefined && tlsKey === undefined)
    context.addIssue({ code: 'custom', path: ['tlsCert'], message: 'expected --tls-key too' })
  if (tlsKey !== undefined && tlsCert === undefined)
    context.addIssue({ code: 'custom', path: ['tlsKey'], message: 'expected --tls-cert too' })
}

/** The files that are named, if they are. */
export function tlsFilesOf({ tlsCert, tlsKey }: TlsValues): { certPath: string; keyPath: string } | undefined {
  return tlsCert === undefined || tlsKey === undefined ? undefined : { certPath: tlsCert, keyPath: tlsKey }
}
