/** One page of a map in key order, without sorting the map: a list may be long, and everyone waits while it is read. */

/** The `limit` entries with the smallest keys above `after`, in order of their keys. One pass, memory for two pages. */
export function pageAfter<V>(entries: Iterable<[string, V]>, after: string, limit: number): [string, V][] {
  const page: [string, V][] = []
  let bound: string | undefined
  for (const entry of entries) {
    if (entry[0] <= after || (bound !== undefined && entry[0] >= bound)) continue
    page.push(entry)
    if (page.length < 2 * limit) continue
    sortByKey(page).length = limit
    bound = page[limit - 1]![0]
  }
  return sortByKey(page).slice(0, limit)
}

function sortByKey<V>(entries: [string, V][]): [string, V][] {
  return entries.sort(([left], [right]) => (left < right ? -1 : 1))
}
