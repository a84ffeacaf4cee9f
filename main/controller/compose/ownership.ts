/**
 * What a user owns, in all slices: counted before the user is removed, then transferred to another
 * user or left without an owner, a slice at a time: a year of it takes too long in one go.
 */
import type { Holdings } from '#shared/contract/rest/users.ts'
import type { UserId } from '#shared/domain/ids.ts'
import type { Deployments } from '../slices/deployments/index.ts'
import type { Devices } from '../slices/devices/index.ts'
import type { EnrollmentService } from '../slices/enrollment/index.ts'
import type { Groups } from '../slices/groups/index.ts'
import type { Software } from '../slices/software/index.ts'
import type { Ownership } from '../slices/users/index.ts'

type Slices = {
  devices: Devices
  groups: Groups
  software: Software
  enrollment: EnrollmentService
  deployments: Deployments
}

export function createOwnership(slices: Slices): Ownership {
  const { devices, groups, software, enrollment, deployments } = slices
  return {
    holdings(id: UserId): Holdings {
      const { all, active } = deployments.countOf(id)
      return {
        devices: devices.ownedBy(id).length,
        groups: groups.countOf(id),
        software: software.countOf(id),
        deployments: all,
        active_deployments: active,
        enrollments: enrollment.openOf(id),
      }
    },
    transfer(from, to, name, limit) {
      for (const slice of [groups, software, enrollment]) slice.transfer(from, to, name)
      const moved = devices.transfer(from, to, limit)
      const more = limit - moved.length
      const done = more > 0 && deployments.transfer(from, to, name, more) < more
      return { devices: moved, isDone: done }
    },
    transferred: (ids) => devices.announce(ids),
  }
}
