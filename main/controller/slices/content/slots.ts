/** A bounded number of slots, with a bounded queue and a bounded wait. */
import type { Clock } from '#shared/node/clock.ts'

export type Slots = ReturnType<typeof createSlots>

type Waiter = { admit: () => void }

export function createSlots(options: {
  slots: number
  queue: number
  waitMs: number
  clock: Pick<Clock, 'setTimer'>
}) {
  const waiting = new Set<Waiter>()
  let taken = 0

  return {
    /**
     * A slot, or null if the queue is full or the wait was too long. The returned function releases
     * it (once).
     * @param gone aborts the wait (the client has disconnected)
     */
    take(gone: AbortSignal): Promise<(() => void) | null> {
      let held = false
      const release = () => {
        if (!held) return
        held = false
        const next = waiting.values().next().value
        if (next) next.admit()
        else taken--
      }
      if (gone.aborted) return Promise.resolve(null)
      if (taken < options.slots) {
        taken++
        held = true
        return Promise.resolve(release)
      }
      if (waiting.size >= options.queue) return Promise.resolve(null)
      return new Promise((resolve) => {
        const leave = () => {
          waiting.delete(waiter)
          cancelTimer()
          gone.removeEventListener('abort', giveUp)
        }
        const giveUp = () => {
          leave()
          resolve(null)
        }
        const waiter: Waiter = {
          admit: () => {
            leave()
            held = true
            resolve(release)
          },
        }
        const cancelTimer = options.clock.setTimer(options.waitMs, giveUp)
        gone.addEventListener('abort', giveUp, { once: true })
        waiting.add(waiter)
      })
    },
    usage: () => ({ taken, waiting: waiting.size }),
  }
}
