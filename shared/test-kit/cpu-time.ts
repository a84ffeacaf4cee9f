/** How processor time grows with the input. A loaded machine takes more time, but not more processor time. */

/** The input is this many times as long. */
const FACTOR = 4
/** Below, the figure is noise: the system may count processor time in ticks of 4 ms. */
const FLOOR_MS = 40
const TRIES = 6
/** More than work in proportion to the input takes (4 times), and less than with its square (16 times). */
export const LINEAR_GROWTH = 10

function cpuMs(work: () => unknown): number {
  const from = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(from)
  return (user + system) / 1_000
}

/**
 * Compares the least of a few tries: compilation, garbage collection and cold caches only add to it. Ends with the
 * first try that shows linear growth.
 * @param workOf the work with an input that is so many times as long; the short one should take more than 40 ms
 * @returns how many times as long it takes
 */
export function cpuTimeGrowth(workOf: (factor: number) => () => unknown): number {
  const short = workOf(1)
  const long = workOf(FACTOR)
  short()
  let [leastShort, leastLong, growth] = [Infinity, Infinity, Infinity]
  for (let tries = 0; tries < TRIES && growth >= LINEAR_GROWTH; tries++) {
    leastShort = Math.min(leastShort, cpuMs(short))
    leastLong = Math.min(leastLong, cpuMs(long))
    growth = leastLong / Math.max(FLOOR_MS, leastShort)
  }
  return growth
}
