/** What every part of the analysis has in common: processes for one run, and how they are named and sized. */
import type { Logger } from 'pino'
import type { AnalysisOptions } from './config.ts'
import type { BackendSpec, ServiceSpec } from './service.ts'
import { Service } from './service.ts'

export interface PartContext {
  options: AnalysisOptions
  log: Logger
  signal: AbortSignal
  /** Tells a person how far it is. */
  say: (line: string) => void
}

/** What a request takes at a backend, milliseconds: enough that several are under way at once. */
export const usualDelayMs = [5, 15] as const

export function backendsNamed(count: number, delayMs: BackendSpec['delayMs'] = usualDelayMs): BackendSpec[] {
  return Array.from({ length: count }, (_, index) => ({ name: `b${index + 1}`, delayMs }))
}

/** Runs `use` with fresh processes, which are ended whatever comes of it. */
export async function withService<Result>(
  spec: Omit<ServiceSpec, 'seed'>,
  { options, log }: PartContext,
  use: (service: Service) => Promise<Result>,
): Promise<Result> {
  const service = await Service.start({ ...spec, seed: options.seed }, log)
  try {
    return await use(service)
  } finally {
    await service.stop()
  }
}
