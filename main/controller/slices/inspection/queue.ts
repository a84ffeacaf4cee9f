/** Runs one task at a time. Waiting tasks take turns by lane, so that many files of one user do not delay another's. Bounded. */
import { AppError } from '#shared/contract/errors.ts'

export function createQueue(waitingLimit: number) {
  /** In the order of their turns: a served lane goes to the end. */
  const lanes = new Map<string, (() => void)[]>()
  let waiting = 0
  let busy = false

  function next(): void {
    busy = false
    const [first] = lanes
    if (!first) return
    const [lane, entries] = first
    lanes.delete(lane)
    const admit = entries.shift()
    if (entries.length > 0) lanes.set(lane, entries)
    waiting--
    busy = true
    admit?.()
  }
  function turn(lane: string): Promise<void> {
    if (!busy) {
      busy = true
      return Promise.resolve()
    }
    if (waiting >= waitingLimit)
      throw new AppError('E_RATE_LIMITED', 'Too many files wait to be inspected. Try again.', [], {
        retryAfterSeconds: 10,
      })
    waiting++
    return new Promise((resolve) => {
      const entries = lanes.get(lane) ?? []
      entries.push(resolve)
      lanes.set(lane, entries)
    })
  }

  return {
    /** @throws AppError E_RATE_LIMITED when too many tasks wait, and what `work` throws */
    async run<T>(lane: string, work: () => Promise<T>): Promise<T> {
      await turn(lane)
      try {
        return await work()
      } finally {
        next()
      }
    },
  }
}
