/** What a removal needs of the other slices. */
import type { Holdings } from '#shared/contract/rest/users.ts'
import type { DeviceId, UserId } from '#shared/domain/ids.ts'

/** What other slices store that belongs to a user. */
export type Ownership = {
  holdings: (id: UserId) => Holdings
  /**
   * Transfers everything of which users have little, and up to `limit` of their PCs and deployments.
   * Call it in a transaction, again and again until all of it is done.
   * @param to null: no owner, so only administrators see it; open enrolment codes are revoked
   * @param name of the removed user, stored as `created_by_name` in their software, deployments and
   * enrolment codes
   */
  transfer: (from: UserId, to: UserId | null, name: string, limit: number) => Transferred
  /** Call it after the commit: notifies about devices that have a new owner. */
  transferred: (devices: DeviceId[]) => void
}
export type Transferred = { devices: DeviceId[]; isDone: boolean }
