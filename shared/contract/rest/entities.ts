/** The controller's entities as the console sees them. snake_case on the wire, times UTC ISO 8601, sizes in bytes. */
import { z } from 'zod'
import { ArchiveCommand } from '../../domain/archives.ts'
import { AnyParams, TextCode } from '../../domain/coded-texts/codes.ts'
import {
  DeviceId,
  EnrollmentId,
  Fingerprint,
  GroupId,
  InstallerId,
  SessionId,
  Sha256,
  SoftwareId,
  UserId,
} from '../../domain/ids.ts'
import { InstallerTechnology } from '../../domain/installer-technology.ts'
import { DeviceArch, DevicePlatform, InstallerArch, InstallerKind } from '../../domain/platforms.ts'
import { Detection } from '../detection.ts'
import { InstallerKnowledge } from './installer-knowledge.ts'

export const Timestamp = z.iso.datetime()
const count = z.number().int().nonnegative()

export const Role = z.enum(['admin', 'technician'])
export type Role = z.infer<typeof Role>
export const User = z.object({
  id: UserId,
  username: z.string(),
  role: Role,
  created_at: Timestamp,
  /** The user may not sign in, and their sessions have ended. */
  disabled: z.boolean(),
  /** Someone else chose the password: until the user has chosen one, all other requests are refused. */
  must_change_password: z.boolean(),
  last_login_at: Timestamp.nullable(),
  /** Consoles and scripts signed in as this user. */
  session_count: count,
  /** Change counter, as for a group. */
  version: count.default(0),
})
export type User = z.infer<typeof User>

/** One sign-in that has not ended. */
export const OwnSession = z.object({
  id: SessionId,
  created_at: Timestamp,
  /** To the minute. */
  last_used_at: Timestamp,
  expires_at: Timestamp,
  address: z.string().nullable(),
  /** The User-Agent of the program. */
  client: z.string().nullable(),
  /** The session of this request. */
  current: z.boolean(),
})
export type OwnSession = z.infer<typeof OwnSession>

/** What a user owns: when they are removed, it goes to another user or to nobody. */
export const Holdings = z.object({
  devices: count,
  groups: count,
  software: count,
  deployments: count,
  /** Deployments that have not ended; they continue. */
  active_deployments: count,
  /** Codes that still admit PCs. */
  enrollments: count,
})
export type Holdings = z.infer<typeof Holdings>

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

/** Which file of an archive is run, and which others could be. */
export const InstallerArchive = ArchiveCommand.extend({ choices: z.array(z.string()) })
export type InstallerArchive = z.infer<typeof InstallerArchive>

export const Installer = z.object({
  id: InstallerId,
  platform: DevicePlatform,
  arch: InstallerArch,
  kind: InstallerKind,
  /** Null for every kind but archives. */
  archive: InstallerArchive.nullable(),
  file_name: z.string(),
  size_bytes: count.nullable(),
  sha256: Sha256.nullable(),
  /** With ●●● in place of every secret. A mask that is sent back keeps the secret. */
  install_args: z.string(),
  /** Names of the arguments with secrets; ●●● for one without a name. */
  secret_args: z.array(z.string()).default([]),
  /** The key that sealed them is lost: it cannot be deployed until they are entered again. */
  secrets_lost: z.boolean().default(false),
  timeout_seconds: count,
  success_exit_codes: z.array(z.number().int()),
  detection: Detection.nullable(),
  /** Its file is not in the controller's data folder: it cannot be deployed until the same file is uploaded again. */
  file_missing: z.boolean(),
  /** Its stored file no longer matches its hash: treated as missing until the same file is uploaded again. */
  file_damaged: z.boolean(),
  /** Windows programs: the tool that built the installer, if known. */
  technology: InstallerTechnology.nullable(),
  /** What the file reveals about how it installs. Absent or null: unknown. */
  knowledge: InstallerKnowledge.nullable().optional(),
})
export type Installer = z.infer<typeof Installer>

export const Software = z.object({
  id: SoftwareId,
  /** The same for all versions of one product. */
  product_id: z.string().optional(),
  name: z.string(),
  version: z.string(),
  publisher: z.string(),
  origin: z.enum(['library', 'custom']),
  owner_id: UserId.nullable(),
  /** Name of the user who added it, even after that account was removed. */
  created_by_name: z.string().nullable().default(null),
  created_at: Timestamp,
  /** Software that this one needs: it is installed first, and if it fails, this one fails too. */
  depends_on: z.array(SoftwareId),
  installers: z.array(Installer),
  /** Change counter, including its installers, like `version` of a group. */
  revision: count.default(0),
})
export type Software = z.infer<typeof Software>

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

/**
 * Free space on the disk with the controller's data.
 * - `short`: the next upload may not fit.
 * - `low`: almost full; deferrable data (output, inventories, uploads) is refused.
 */
export const DiskSpace = z.object({
  level: z.enum(['enough', 'short', 'low']),
  free_bytes: count.nullable(),
})
export type DiskSpace = z.infer<typeof DiskSpace>

/** State of the hub, always shown at the bottom of the sidebar. */
export const HubStatus = z.object({
  listening: z.boolean(),
  port: count,
  addresses: z.array(z.string()),
  fingerprint: Fingerprint,
  online_agents: count,
  total_devices: count,
  disk: DiskSpace.optional(),
})
export type HubStatus = z.infer<typeof HubStatus>

export const Stats = z.object({
  devices: z.object({ total: count, online: count, unapproved: count }),
  software: count,
  deployments: z.object({
    total: count,
    active: count,
    completed: count,
    failed: count,
    partial: count,
    canceled: count,
  }),
  /** Targets that ended in the last seven days. */
  last_7_days: z.object({ completed: count, failed: count, skipped: count }),
})
export type Stats = z.infer<typeof Stats>
