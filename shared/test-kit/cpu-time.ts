/** How processor time grows with the input. A loaded machine takes more time, but not more processor time. */

/** The input is this many times as long. */
const FACTOR = 16
/** Below, the figure is noise. */
const FLOOR_MS = 5
const TRIES = 3
/** More than work in proportion to the input takes (16 times), and far less than with its square (256 times). */
export const LINEAR_GROWTH = 4 * FACTOR

/** The least of a few tries: compilation and garbage collection only add to it. */
function cpuMs(work: () => unknown): number {
  let least = Infinity
  for (let tries = 0; tries < TRIES; tries++) {
    const from = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(from)
    least = Math.min(least, (user + system) / 1_000)
  }
  return least
}

/** @param workOf the work with an input that is so many times as long @returns how many times as long it takes */
export function cpuTimeGrowth(workOf: (factor: number) => () => unknown): number {
  const short = workOf(1)
  const long = workOf(FACTOR)
  short()
  return cpuMs(long) / Math.max(FLOOR_MS, cpuMs(short))
}
