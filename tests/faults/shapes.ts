/** The installations that rows run on. A run starts each once, and rows follow one another on it. */

export interface Shape {
  readonly name: string
  readonly receivers: number
  readonly balancers: number
  readonly backends: number
  readonly brokers: 1 | 3
  /** Keys of about 100 bytes that its journal holds before anybody joins. */
  readonly filledKeys?: number
  /** More flags for each kind of process. */
  readonly flags?: Partial<Record<Kind, readonly string[]>>
}

/** Kinds of processes of ours. A process is named by its kind and a number from 1. */
export const kinds = ['receiver', 'balancer', 'backend'] as const
export type Kind = (typeof kinds)[number]

const usual = { receivers: 2, balancers: 2, backends: 3, brokers: 1 } as const

export const shapes = {
  /** What most rows run on. */
  usual: { name: 'usual', ...usual },
  /** A receiver that nobody can take over from. */
  lone: { name: 'lone', ...usual, receivers: 1 },
  /** A journal and snapshots that take a while to read. */
  large: {
    ...{ name: 'large', ...usual, receivers: 1, filledKeys: 100_000 },
    flags: { backend: ['--snapshot-tail', '4MiB'] },
  },
  /** Three brokers, each record on two of them at least. */
  brokers: { name: 'brokers', ...usual, brokers: 3 },
} as const satisfies Record<string, Shape>

/** Names of the processes of a kind. */
export function namesOf(shape: Shape, kind: Kind): string[] {
  const count = { receiver: shape.receivers, balancer: shape.balancers, backend: shape.backends }[kind]
  return Array.from({ length: count }, (_, index) => `${kind}-${index + 1}`)
}

/** All names that any shape uses, and one balancer that a row may start besides. */
export const spareBalancer = 'balancer-3'
export const allNames: readonly string[] = [
  ...new Set(Object.values<Shape>(shapes).flatMap((shape) => kinds.flatMap((kind) => namesOf(shape, kind)))),
  spareBalancer,
]
