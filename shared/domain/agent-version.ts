/** Compares versions of the agent by the rules of semver.org (§11; build metadata is ignored). Pure. */

type Parsed = { numbers: number[]; before: string[] }

const FORM =
  /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(?:-([0-9A-Za-z.-]{1,40}))?(?:\+[0-9A-Za-z.-]{1,40})?$/

function parse(version: string): Parsed | null {
  const found = FORM.exec(version)
  if (!found) return null
  return { numbers: found.slice(1, 4).map(Number), before: found[4]?.split('.') ?? [] }
}

function compareWord(a: string, b: string): number {
  const [aIsNumber, bIsNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)]
  if (aIsNumber && bIsNumber) return Number(a) - Number(b)
  if (aIsNumber !== bIsNumber) return aIsNumber ? -1 : 1
  return a < b ? -1 : a > b ? 1 : 0
}

/** Whether `version` is newer than `than`. False if either cannot be parsed. */
export function isNewer(version: string, than: string): boolean {
  const [a, b] = [parse(version), parse(than)]
  if (!a || !b) return false
  for (const [i, number] of a.numbers.entries())
    if (number !== b.numbers[i]) return number > b.numbers[i]!
  // A pre-release is older than its release.
  if (a.before.length === 0 || b.before.length === 0) return b.before.length > a.before.length
  for (let i = 0; i < Math.max(a.before.length, b.before.length); i++) {
    const [x, y] = [a.before[i], b.before[i]]
    if (x === undefined || y === undefined) return x !== undefined
    const order = compareWord(x, y)
    if (order !== 0) return order > 0
  }
  return false
}
