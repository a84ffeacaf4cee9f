/** What the plans of all devices amount to, kept up to date as single ones change. */
import type { DevicePlan, ReadyTarget } from './device-plan.ts'
import type { Action } from './plan.types.ts'

const idOf = ({ target }: ReadyTarget): number => target.id
const byId = (a: ReadyTarget, b: ReadyTarget): number => idOf(a) - idOf(b)

/** Where it is, or belongs, in a list by id. */
function placeOf(list: readonly ReadyTarget[], ready: ReadyTarget): number {
  let [from, to] = [0, list.length]
  while (from < to) {
    const middle = (from + to) >>> 1
    if (idOf(list[middle]!) < idOf(ready)) from = middle + 1
    else to = middle
  }
  return from
}

export function createPlanSums() {
  /** Only the limit of devices keeps these from starting. By id. */
  const queue: ReadyTarget[] = []
  /** As those, but they have their place already. */
  const keepers = new Set<ReadyTarget>()
  /** Their stored reason is another than the one for which they wait, unless they start. */
  const unmarked = new Set<ReadyTarget>()
  const reasonOf = ({ waitsFor }: ReadyTarget) => waitsFor ?? 'waiting_for_wave'

  const sums = { open: 0, openInWave: 0, pending: 0, active: 0, perhapsActive: 0 }
  function count(plan: DevicePlan, by: 1 | -1): void {
    sums.open += by * plan.open
    sums.openInWave += by * plan.openInWave
    sums.pending += by * plan.pending
    if (plan.works) sums.active += by
    else if (plan.mayWork) sums.perhapsActive += by
  }

  return {
    get open(): number {
      return sums.open
    },
    get openInWave(): number {
      return sums.openInWave
    },
    get pending(): number {
      return sums.pending
    },
    add(plan: DevicePlan): void {
      count(plan, 1)
      for (const ready of plan.ready) {
        if (ready.target.reason !== reasonOf(ready)) unmarked.add(ready)
        if (ready.waitsFor !== null) continue
        if (ready.keepsPlace) keepers.add(ready)
        else queue.splice(placeOf(queue, ready), 0, ready)
      }
    },
    remove(plan: DevicePlan): void {
      count(plan, -1)
      for (const ready of plan.ready) {
        unmarked.delete(ready)
        if (ready.waitsFor !== null) continue
        if (ready.keepsPlace) keepers.delete(ready)
        else queue.splice(placeOf(queue, ready), 1)
      }
    },
    /**
     * Offers up to the limit of devices, in the order of ids, and why the others wait. Looks only at those that start, and at
     * those whose reason is not stored yet.
     */
    starts(maxConcurrent: number): Action[] {
      const offered = new Set<ReadyTarget>()
      const free = maxConcurrent - sums.active - sums.perhapsActive
      // One that keeps its place needs no other; there may be more of them than places after the limit was lowered.
      const places = Math.max(0, maxConcurrent - sums.active)
      for (const ready of [...keepers].sort(byId).slice(0, places)) offered.add(ready)
      for (const ready of queue.slice(0, Math.max(0, free))) offered.add(ready)
      const waits = [...unmarked].filter((ready) => !offered.has(ready))
      return [...offered, ...waits].sort(byId).map((ready): Action => {
        const { id: targetId } = ready.target
        return offered.has(ready)
          ? { type: 'offer', targetId }
          : { type: 'wait', targetId, reason: reasonOf(ready) }
      })
    },
  }
}
