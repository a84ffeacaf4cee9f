/** Reads the value of each key once. For one piece of work over rows that do not change meanwhile. */
export function memoized<K, V>(read: (key: K) => V): (key: K) => V {
  const known = new Map<K, V>()
  return (key) => {
    if (!known.has(key)) known.set(key, read(key))
    return known.get(key) as V
  }
}
