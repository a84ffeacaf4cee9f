/** Running and waiting downloads, by device: those of a blocked or removed device are aborted. */
import type { ServerResponse } from 'node:http'
import type { DeviceId } from '#shared/domain/ids.ts'

/** Bounded by the slots and the queue, because each entry is removed with its work. */
export function createUnderWay() {
  const open = new Map<DeviceId, Set<ServerResponse>>()
  let cut = 0

  return {
    /** Serves; until it has ended, `cut` aborts it. */
    async during(
      deviceId: DeviceId,
      response: ServerResponse,
      work: () => Promise<void>,
    ): Promise<void> {
      const own = open.get(deviceId) ?? new Set()
      open.set(deviceId, own.add(response))
      try {
        await work()
      } finally {
        own.delete(response)
        if (own.size === 0 && open.get(deviceId) === own) open.delete(deviceId)
      }
    },

    /** Closes the connections of this device's downloads. @returns how many there were */
    cut(deviceId: DeviceId): number {
      const own = [...(open.get(deviceId) ?? [])].filter((response) => !response.destroyed)
      for (const response of own) response.destroy()
      cut += own.length
      return own.length
    },
    /** `downloads`: of devices, including waiting ones. `cut`: since the start. */
    usage: () => ({
      downloads: [...open.values()].reduce((sum, own) => sum + own.size, 0),
      cut,
    }),
  }
}
