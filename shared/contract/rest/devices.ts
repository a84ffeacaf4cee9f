/** PCs and enrollment codes as the console sees them, and the requests about them. */
import { z } from 'zod'
import { AnyParams, TextCode } from '../../domain/coded-texts/codes.ts'
import { isHubAddress } from '../../domain/enrollment-code.ts'
import { DeviceId, EnrollmentId, GroupId, UserId } from '../../domain/ids.ts'
import { DeviceArch, DevicePlatform } from '../../domain/platforms.ts'
import { SPREAD_LIMIT } from '../inventory.ts'
import { basedOn, Name, Timestamp } from './common.ts'
import { repeatable } from './request-key.ts'

const count = z.number().int().nonnegative()

/** A PC that enrols without a code and waits until people on both sides have compared digits. */
export const DevicePairing = z.object({
  digits: z.string().regex(/^\d{6}$/),
  expires_at: Timestamp,
  /** Approved in the console. */
  approved: z.boolean(),
  /** The person at the PC has confirmed that the digits match. */
  confirmed: z.boolean(),
})
export type DevicePairing = z.infer<typeof DevicePairing>

/** A newer agent for a PC, and the progress of the update. */
export const AgentUpdate = z.object({
  version: z.string(),
  /** `unsupported`: this agent cannot update itself. The message gives the reason, also for `failed`. */
  state: z.enum(['available', 'updating', 'failed', 'unsupported']),
  message: z.string(),
  /** The message as a code with parameters. */
  code: TextCode.optional(),
  params: AnyParams.optional(),
})
export type AgentUpdate = z.infer<typeof AgentUpdate>

export const Device = z.object({
  id: DeviceId,
  name: z.string(),
  platform: DevicePlatform,
  arch: DeviceArch,
  os_version: z.string(),
  online: z.boolean(),
  approved: z.boolean(),
  blocked: z.boolean(),
  /** Null unless it is being enrolled by comparing digits. */
  pairing: DevicePairing.nullable(),
  owner_id: UserId.nullable(),
  agent_version: z.string(),
  /** Null: it is up to date with this controller. */
  agent_update: AgentUpdate.nullable(),
  address: z.string().nullable(),
  enrolled_at: Timestamp,
  last_seen_at: Timestamp.nullable(),
  free_disk_bytes: count.nullable(),
  /** A restart is pending. Null: its agent has not reported it, or cannot. */
  reboot_pending: z.boolean().nullable(),
  /** When its inventory was last reported (see DeviceInventory); null: not yet. */
  inventory_at: Timestamp.nullable(),
  group_ids: z.array(GroupId),
  /** It was a clone of that device (a copied disk) until it got its own identity. */
  split_from: DeviceId.nullable(),
  /** Counts the changes of `name`. A rename that names an older version is refused. */
  version: count.default(0),
  /** The PC's own name. `name` is the same unless a person set one. Null: its agent has not connected yet. */
  reported_name: z.string().nullable().default(null),
  /** The offline device that this one may be after a reinstallation: same hardware, same name. A person decides. */
  reinstall_of: DeviceId.nullable().default(null),
})
export type Device = z.infer<typeof Device>

export const Enrollment = z.object({
  id: EnrollmentId,
  max_uses: count,
  uses: count,
  expires_at: Timestamp,
  created_at: Timestamp,
  /** Name of the user who created it, even after that account was removed. */
  created_by_name: z.string().nullable().default(null),
  group_ids: z.array(GroupId),
  revoked: z.boolean(),
})
export type Enrollment = z.infer<typeof Enrollment>

export const CreateEnrollment = z.object({
  max_uses: z.number().int().min(1).max(10_000).default(1),
  ttl_minutes: z
    .number()
    .int()
    .min(1)
    .max(60 * 24 * 30)
    .default(60),
  group_ids: z.array(GroupId).max(100).default([]),
  /** HOST:PORT where PCs try to reach the hub, best first; default: all that the controller knows, see `GET /hub`. */
  addresses: z
    .array(z.string().max(300).refine(isHubAddress, 'is not HOST:PORT'))
    .min(1)
    .max(8)
    .optional(),
  ...repeatable,
})

/** `name` null: use the PC's own name from now on. */
export const UpdateDevice = z.object({ name: Name.nullable().optional(), version: basedOn })
export type UpdateDevice = z.infer<typeof UpdateDevice>

export const TakeOver = z.object({ from_device_id: DeviceId })

export const FindInstalled = z.object({
  /** Part of the name; case and Unicode composition are ignored. */
  name: z.string().trim().min(1).max(200),
  limit: z.coerce.number().int().min(1).max(SPREAD_LIMIT).default(SPREAD_LIMIT),
  /** `next_after` of the previous page. */
  after: z.string().max(400).optional(),
})
export type FindInstalled = z.infer<typeof FindInstalled>
