/**
 * Keeps rows in place while their values change, so that they never move under the pointer. New rows are appended in
 * order; removed ones are dropped.
 * @param previous keys in the order shown so far; empty: everything is sorted
 * @param compare the order; null keeps the order of the items
 */
export function keepOrder<T, K>(
  previous: readonly K[],
  items: readonly T[],
  keyOf: (item: T) => K,
  compare: ((a: T, b: T) => number) | null,
): T[] {
  const left = new Map(items.map((item) => [keyOf(item), item]))
  const kept: T[] = []
  for (const key of previous) {
    const item = left.get(key)
    if (item !== undefined) {
      kept.push(item)
      left.delete(key)
    }
  }
  const fresh = [...left.values()]
  if (compare) fresh.sort(compare)
  return [...kept, ...fresh]
}
