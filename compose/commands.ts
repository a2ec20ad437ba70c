/** What `heartline` can do, in one table. A command's module is loaded only when it is asked for, so that each starts quickly. */
import type { Logger } from 'pino'
import type { z } from 'zod'
import { logLevelOption } from '../checkpoint/config.ts'

/** A command with its module loaded. `run` resolves with the exit code; `signal` asks it to end in order. */
export interface Command {
  options: z.ZodObject
  run(options: Record<string, unknown>, log: Logger, signal: AbortSignal): Promise<number>
}

export interface CommandEntry {
  summary: string
  /** How long an orderly end may take after the first signal, milliseconds; default 10 s. */
  closeTimeoutMs?: number
  /** Where its log goes; default standard output, which a command that prints a result needs for that. */
  logs?: 'stdout' | 'stderr'
  load(): Promise<Command>
}

/** Ends several processes, each with a deadline of its own, one group after the other. */
const closeManyTimeoutMs = 60_000

export const commands: Record<string, CommandEntry> = {
  kafka: {
    summary: 'starts a local Kafka',
    load: async () => {
      const { kafkaOptions, runKafka } = await import('./kafka/command.ts')
      return command(kafkaOptions, runKafka)
    },
  },
  receiver: {
    summary: 'starts a heartbeat receiver, which decides who is active',
    load: async () => {
      const { receiverOptions, startReceiver } = await import('../heartbeat-receiver/index.ts')
      return command(receiverOptions, untilDone(startReceiver))
    },
  },
  balancer: {
    summary: 'starts a balancer, which holds and replays requests while the active changes',
    load: async () => {
      const { balancerOptions, startBalancer } = await import('../load-balancer/index.ts')
      return command(balancerOptions, untilDone(startBalancer))
    },
  },
  backend: {
    summary: 'starts the demo service (a ticket office) on the backend library',
    load: async () => {
      const { ticketOfficeOptions, runTicketOffice } = await import('./ticket-office/main.ts')
      return command(ticketOfficeOptions, untilDone(runTicketOffice))
    },
  },
  agent: {
    summary: 'sends heartbeats for a server in any language, and runs it if told how',
    logs: 'stderr', // standard output is the command's
    closeTimeoutMs: closeManyTimeoutMs,
    load: async () => {
      const { agentOptions, runAgentCommand } = await import('./agent.ts')
      return command(agentOptions, runAgentCommand)
    },
  },
  up: {
    summary: 'starts all of it: Kafka unless given, receiver, backends, balancer',
    closeTimeoutMs: closeManyTimeoutMs,
    load: async () => {
      const { upOptions, runUp } = await import('./up.ts')
      return command(upOptions, runUp)
    },
  },
  demo: {
    summary: 'kills the active under load and shows that no client notices',
    logs: 'stderr',
    closeTimeoutMs: closeManyTimeoutMs,
    load: async () => {
      const { demoOptions, runDemo } = await import('./demo.ts')
      return command(demoOptions, runDemo)
    },
  },
  load: {
    summary: 'the test client: sends requests and checks what it was promised',
    logs: 'stderr',
    // What was sent is still read back and verified.
    closeTimeoutMs: closeManyTimeoutMs,
    load: async () => {
      const { loadOptions, runLoad } = await import('./load/main.ts')
      return command(loadOptions, runLoad)
    },
  },
  status: {
    summary: 'shows who is there, who is active, since when, and how far behind',
    logs: 'stderr',
    load: async () => {
      const { statusOptions, runStatus } = await import('./status.ts')
      return command(statusOptions, runStatus)
    },
  },
  health: {
    summary: 'asks the processes of this machine whether they are ready, as a container is asked',
    logs: 'stderr',
    load: async () => {
      const { healthOptions, runHealth } = await import('./health.ts')
      return command(healthOptions, runHealth)
    },
  },
  handover: {
    summary: 'has another backend become active, as planned, and says how long it took',
    logs: 'stderr',
    load: async () => {
      const { handoverOptions, runHandover } = await import('./handover.ts')
      return command(handoverOptions, runHandover)
    },
  },
  journal: {
    summary: "prints a journal's records, valid and void",
    logs: 'stderr',
    load: async () => {
      const { journalCommandOptions, runJournal } = await import('./journal/command.ts')
      return command(journalCommandOptions, runJournal)
    },
  },
}

/** Every command has a log level, whether its own options name one or not. */
function command<Options extends z.ZodObject>(
  options: Options,
  run: (options: z.output<Options>, log: Logger, signal: AbortSignal) => Promise<number>,
): Command {
  const logLevel = logLevelOption
  return { options: 'logLevel' in options.shape ? options : options.extend({ logLevel }), run: run as Command['run'] }
}

/** A service runs until it is done; how it ended otherwise is an error. */
function untilDone<Options>(
  start: (options: Options, log: Logger, signal: AbortSignal) => Promise<{ done: Promise<void> }>,
): (options: Options, log: Logger, signal: AbortSignal) => Promise<number> {
  return async (options, log, signal) => {
    const service = await start(options, log, signal)
    await service.done
    return 0
  }
}
