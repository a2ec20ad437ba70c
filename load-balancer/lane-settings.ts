/** By what requests go, and how that is changed while they come. Pure. */
import { z } from 'zod'
import { type StrategyName, type StrategySettings, strategyChange } from './strategies/config.ts'

/** Settings of all strategies, and which one is used. */
export type LaneSettings = Omit<StrategySettings, 'strategy'> & { strategy: 'active' | StrategyName }

/** `message` says in one line why nothing was changed. */
export type ChangedSettings = { ok: true; settings: LaneSettings } | { ok: false; message: string }

/** What `settings` become by the body of `PUT /strategy`, whatever it is. */
export function changedSettings(settings: LaneSettings, body: unknown): ChangedSettings {
  const parsed = strategyChange.safeParse(body)
  if (!parsed.success) return { ok: false, message: z.prettifyError(parsed.error).replaceAll(/\s*\n\s*/g, ' ') }
  const given = Object.entries(parsed.data).filter(([, value]) => value !== undefined)
  return { ok: true, settings: { ...settings, ...(Object.fromEntries(given) as Partial<LaneSettings>) } }
}
