/**
 * What a user owns, in all slices: counted before the user is removed, then transferred to another
 * user or left without an owner.
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
    transfer(from, to, name) {
      for (const slice of [devices, groups, software, enrollment, deployments])
        slice.transfer(from, to, name)
    },
    /** The list may include devices that had no owner before: notifying about them does no harm. */
    transferred(to) {
      if (to !== null) devices.announce(devices.ownedBy(to))
    },
  }
}
