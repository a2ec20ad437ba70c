/** Options of the demo service: those of any backend, and an API it fetches from. */
import { z } from 'zod'
import { checkLimits } from '../../backend/config.ts'
import { backendOptions } from '../../backend/index.ts'

export const ticketOfficeOptions = backendOptions
  .extend({
    upstream: z
      .url({ protocol: /^https?$/, error: 'expected a URL such as http://127.0.0.1:3000/status' })
      .optional()
      .meta({ description: 'an API whose answer GET /upstream passes on' }),
  })
  .superRefine(checkLimits)
export type TicketOfficeOptions = z.infer<typeof ticketOfficeOptions>
