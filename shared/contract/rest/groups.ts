/** Groups of PCs, and the requests about them. */
import { z } from 'zod'
import { DeviceId, GroupId, UserId } from '../../domain/ids.ts'
import { basedOn, Name, Timestamp } from './common.ts'
import { repeatable } from './request-key.ts'

const count = z.number().int().nonnegative()

export const Group = z.object({
  id: GroupId,
  name: z.string(),
  device_ids: z.array(DeviceId),
  owner_id: UserId.nullable(),
  created_at: Timestamp,
  /** Change counter. A write that names an older version is refused. */
  version: count.default(0),
})
export type Group = z.infer<typeof Group>

export const CreateGroup = z.object({
  name: Name,
  device_ids: z.array(DeviceId).max(10_000).default([]),
  ...repeatable,
})

const members = z.array(DeviceId).max(10_000).optional()

export const UpdateGroup = z
  .object({
    name: Name.optional(),
    /** All members. To add or remove some, use the fields below: they do not undo simultaneous changes by others. */
    device_ids: members,
    add_device_ids: members,
    /** Devices that are not members are ignored. */
    remove_device_ids: members,
    version: basedOn,
  })
  .refine((g) => !g.device_ids || (!g.add_device_ids && !g.remove_device_ids), {
    path: ['device_ids'],
    message: 'give all members, or those to add and remove',
  })
export type UpdateGroup = z.infer<typeof UpdateGroup>
