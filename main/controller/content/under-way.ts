/** Downloads under way or waiting for a place, by device: those of a device that is not wanted any more end at once. */
import type { ServerResponse } from 'node:http'
import type { DeviceId } from '#shared/domain/ids.ts'

/** As many as there are places and waiters for, since each leaves with its work. */
export function createUnderWay() {
  const open = new Map<DeviceId, Set<ServerResponse>>()
  let cut = 0

  return {
    /** Serves; from this very moment on until it has ended, `cut` reaches it. */
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

    /** Ends the connections of this device's downloads, whatever of them was still to come. @returns how many there were */
    cut(deviceId: DeviceId): number {
      const own = [...(open.get(deviceId) ?? [])].filter((response) => !response.destroyed)
      for (const response of own) response.destroy()
      cut += own.length
      return own.length
    },
    /** `downloads`: of devices, those that wait for a place included. `cut`: since the start. */
    usage: () => ({
      downloads: [...open.values()].reduce((sum, own) => sum + own.size, 0),
      cut,
    }),
  }
}
