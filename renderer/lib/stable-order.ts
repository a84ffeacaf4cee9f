/**
 * Rows never reorder under the pointer: what stands in a list stays in its place while its figures change; only what is
 * new is added (at the end) and what is gone is taken out.
 * @param previous keys in the order shown so far
 * @param sorted items in the order a fresh sort would give
 */
export function keepOrder<T, K>(
  previous: readonly K[],
  sorted: readonly T[],
  keyOf: (item: T) => K,
): T[] {
  if (previous.length === 0) return [...sorted]
  const byKey = new Map(sorted.map((item) => [keyOf(item), item]))
  const kept: T[] = []
  for (const key of previous) {
    const item = byKey.get(key)
    if (item !== undefined) {
      kept.push(item)
      byKey.delete(key)
    }
  }
  return [...kept, ...sorted.filter((item) => byKey.has(keyOf(item)))]
}
