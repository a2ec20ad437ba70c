/** `heartline agent`: heartbeats for a server in any language. */
import type { Logger } from 'pino'
import { runAgent } from '../backend/agent/agent.ts'
import { type AgentOptions, agentOptions } from '../backend/agent/config.ts'
import { OrphanGuard } from '../load-balancer/replicas/orphan-guard.ts'

export { agentOptions }

/** Resolves with the exit code: that of the command if it ended by itself. */
export async function runAgentCommand(options: AgentOptions, log: Logger, signal: AbortSignal): Promise<number> {
  const guard = options.command.length > 0 ? new OrphanGuard({ log }) : null
  const { stdout, stderr, env: environment } = process
  const nobody = { add: () => undefined, remove: () => undefined }
  try {
    return await runAgent(options, log, signal, { environment, outputs: { stdout, stderr }, guard: guard ?? nobody })
  } finally {
    await guard?.close()
  }
}
