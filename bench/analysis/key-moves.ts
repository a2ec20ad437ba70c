/** Which keys changed their backend. Pure. */

export interface KeyMoves {
  keys: number
  /** Share of all keys whose backend is another now. */
  moved: number
  /** Share of all keys whose backend is still there, and that moved all the same. */
  needless: number
}

/** `before` and `after` say for each key who answers it; `left` is who is gone. */
export function keyMoves(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
  left: string,
): KeyMoves {
  const moved = [...before].filter(([key, backend]) => after.get(key) !== backend)
  const needless = moved.filter(([, backend]) => backend !== left)
  return { keys: before.size, moved: moved.length / before.size, needless: needless.length / before.size }
}
