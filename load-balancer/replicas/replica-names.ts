/** What a server may be called that is spawned. Pure. */

/** Most backends that are spawned or registered by hand, so that no request fills memory or machine. */
export const replicasMax = 1_000

// What Docker takes as the name of a container. It begins with no dash: no program takes it for an option.
const spawnable = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/

export function isSpawnable(name: string): boolean {
  return spawnable.test(name)
}

/** `count` names `server-1`, `server-2`, … that are not `taken`: the lowest, so that names, and metrics by name, stay few. */
export function madeUpNames(count: number, taken: ReadonlySet<string>): string[] {
  const names: string[] = []
  for (let number = 1; names.length < count; number += 1) {
    const name = `server-${number}`
    if (!taken.has(name)) names.push(name)
  }
  return names
}
