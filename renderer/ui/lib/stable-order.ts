/**
 * Rows never reorder under the pointer: what stands in a list stays in its place while its figures change; only what is
 * new is added (at the end, in order) and what is gone is taken out.
 * @param previous keys in the order shown so far; empty: everything is put in order
 * @param compare the order; null leaves items as they come
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
