/** Comparing versions as the package managers do. Pure. */

/** Splits into runs of digits and runs of letters; everything else only separates. `~` and `^` stand alone. */
const parts = (text: string): string[] => text.match(/\d+|[A-Za-z]+|[~^]/g) ?? []

function comparePart(a: string, b: string): number {
  const aNumber = /^\d/.test(a)
  if (aNumber !== /^\d/.test(b)) return aNumber ? 1 : -1
  if (!aNumber) return a < b ? -1 : a > b ? 1 : 0
  const [x, y] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')]
  return x.length - y.length || (x < y ? -1 : x > y ? 1 : 0)
}

/** rpm's own order (rpmvercmp in lib/rpmvercmp.c of rpm): `~` before everything, `^` after the end, numbers above words. */
export function compareRpmText(a: string, b: string): number {
  const [as, bs] = [parts(a), parts(b)]
  for (let i = 0; i < Math.max(as.length, bs.length); i++) {
    const [x, y] = [as[i], bs[i]]
    if (x === y) continue
    if (x === '~') return -1
    if (y === '~') return 1
    if (x === '^') return y === undefined ? 1 : -1
    if (y === '^') return x === undefined ? -1 : 1
    if (x === undefined) return -1
    if (y === undefined) return 1
    const order = comparePart(x, y)
    if (order !== 0) return order
  }
  return 0
}

/** `[epoch:]version[-release]`; a release counts only where both have one. */
export function compareRpm(a: string, b: string): number {
  const split = (text: string) => {
    const match = /^(?:(\d+|\(none\)):)?([^-]*)(?:-(.*))?$/.exec(text)
    return {
      epoch: Number(match?.[1] ?? 0) || 0,
      version: match?.[2] ?? text,
      release: match?.[3],
    }
  }
  const [x, y] = [split(a), split(b)]
  if (x.epoch !== y.epoch) return x.epoch - y.epoch
  const version = compareRpmText(x.version, y.version)
  if (version !== 0 || x.release === undefined || y.release === undefined) return version
  return compareRpmText(x.release, y.release)
}

/** Dotted numbers (Windows and macOS): a missing one counts as 0, what is not a number is compared as text. */
export function compareDotted(a: string, b: string): number {
  const [as, bs] = [a.trim().split(/[.\s-]+/), b.trim().split(/[.\s-]+/)]
  for (let i = 0; i < Math.max(as.length, bs.length); i++) {
    const order = comparePart(as[i] || '0', bs[i] || '0')
    if (order !== 0) return order
  }
  return 0
}
