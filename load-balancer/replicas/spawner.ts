/** The port through which servers are started, whatever runs them: processes of this machine, containers. */

/** Where a server is to run. */
export interface Place {
  /** Unique among the servers that run, and safe as an argument and as the name of a container. */
  readonly name: string
  /** A free TCP port of this machine. */
  readonly port: number
}

export interface Spawned {
  /** Base URL under which the balancer reaches it. */
  readonly url: string
  /** Settles, never rejects, when it has ended, with the reason in one line: exit code or signal, and its last lines. */
  readonly exited: Promise<string>
  /** Resolves once it accepts connections; rejects when `signal` aborts. */
  accepts(signal: AbortSignal): Promise<void>
  /** Asks it to end, insists after a grace time, resolves when it has ended. */
  stop(): Promise<void>
}

export interface Spawner {
  /** Starts a server. What goes wrong, if only that the program does not exist, is its `exited`. */
  spawn(place: Place): Spawned
  /** Ends what is left, and whatever watched over it. Nothing may be spawned after. */
  close(): Promise<void>
}
