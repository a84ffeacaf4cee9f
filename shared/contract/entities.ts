/** What the console sees of the controller's things. snake_case on the wire, times UTC ISO 8601, sizes in bytes. */
import { z } from 'zod'
import { ArchiveCommand } from '../domain/archives.ts'
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
} from '../domain/ids.ts'
import { InstallerTechnology } from '../domain/installer-technology.ts'
import { DeviceArch, DevicePlatform, InstallerArch, InstallerKind } from '../domain/platforms.ts'
import { Detection } from './detection.ts'
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
  /** He may not sign in, and what he was signed in with has ended. */
  disabled: z.boolean(),
  /** Somebody else chose the password: until he has chosen one, nothing else is answered. */
  must_change_password: z.boolean(),
  last_login_at: Timestamp.nullable(),
  /** Consoles and scripts that are signed in as him now. */
  session_count: count,
  /** Counts its changes, as of a group. */
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
  /** What the program calls itself (User-Agent). */
  client: z.string().nullable(),
  /** The one that asks. */
  current: z.boolean(),
})
export type OwnSession = z.infer<typeof OwnSession>

/** What is a user's own: it goes to nobody, or to another, when he is removed. */
export const Holdings = z.object({
  devices: count,
  groups: count,
  software: count,
  deployments: count,
  /** Of the deployments: those that have not ended. They go on. */
  active_deployments: count,
  /** Codes that still admit PCs. */
  enrollments: count,
})
export type Holdings = z.infer<typeof Holdings>

/** A PC that asks to be enrolled without a code and waits for people at both ends to compare digits. */
export const DevicePairing = z.object({
  digits: z.string().regex(/^\d{6}$/),
  expires_at: Timestamp,
  /** Somebody has approved it in the console. */
  approved: z.boolean(),
  /** The person at the PC has said that the digits are the same. */
  confirmed: z.boolean(),
})
export type DevicePairing = z.infer<typeof DevicePairing>

/** A newer agent for a PC, and how far it has come there. */
export const AgentUpdate = z.object({
  version: z.string(),
  /** `unsupported`: this agent cannot update itself; the message tells why, and that of `failed` what happened. */
  state: z.enum(['available', 'updating', 'failed', 'unsupported']),
  message: z.string(),
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
  /** Null unless it is being enrolled by comparing digits just now. */
  pairing: DevicePairing.nullable(),
  owner_id: UserId.nullable(),
  agent_version: z.string(),
  /** Null: it is as new as the ones that this controller hands out. */
  agent_update: AgentUpdate.nullable(),
  address: z.string().nullable(),
  enrolled_at: Timestamp,
  last_seen_at: Timestamp.nullable(),
  free_disk_bytes: count.nullable(),
  /** It owes a restart. Null: its agent has not told, or cannot. */
  reboot_pending: z.boolean().nullable(),
  /** When its inventory was told anew (see DeviceInventory); null: not yet. */
  inventory_at: Timestamp.nullable(),
  group_ids: z.array(GroupId),
  /** It carried that device's identity (its disk is a copy of that PC's) until it was given one of its own. */
  split_from: DeviceId.nullable(),
  /** What the PC calls itself. `name` is the same unless a person gave it one. Null: its agent has not been here yet. */
  reported_name: z.string().nullable().default(null),
  /** The offline device that this one may be, set up anew: same hardware, same name. A person decides. */
  reinstall_of: DeviceId.nullable().default(null),
})
export type Device = z.infer<typeof Device>

export const Group = z.object({
  id: GroupId,
  name: z.string(),
  device_ids: z.array(DeviceId),
  owner_id: UserId.nullable(),
  created_at: Timestamp,
  /** Counts its changes. A write that names the version it was based on is refused once that is old. */
  version: count.default(0),
})
export type Group = z.infer<typeof Group>

/** An archive: what of it is run, and what else could be. */
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
  install_args: z.string(),
  timeout_seconds: count,
  success_exit_codes: z.array(z.number().int()),
  detection: Detection.nullable(),
  /** Its file is not in the controller's data folder: nothing is deployed of it until the same file is uploaded again. */
  file_missing: z.boolean(),
  /** Its file holds other bytes than were stored: as if it were missing, until the same file is uploaded again. */
  file_damaged: z.boolean(),
  /** Windows programs: the tool that made it, where that could be told. */
  technology: InstallerTechnology.nullable(),
  /** What the file says about how it installs. Absent or null: nothing is known. */
  knowledge: InstallerKnowledge.nullable().optional(),
})
export type Installer = z.infer<typeof Installer>

export const Software = z.object({
  id: SoftwareId,
  name: z.string(),
  version: z.string(),
  publisher: z.string(),
  origin: z.enum(['library', 'custom']),
  owner_id: UserId.nullable(),
  /** Who added it, also once that account was removed. */
  created_by_name: z.string().nullable().default(null),
  created_at: Timestamp,
  /** Software that must be there first: it is installed before this one, and its failure fails this one. */
  depends_on: z.array(SoftwareId),
  installers: z.array(Installer),
  /** Counts its changes, those of its installers included, as `version` of a group does. */
  revision: count.default(0),
})
export type Software = z.infer<typeof Software>

export const Enrollment = z.object({
  id: EnrollmentId,
  max_uses: count,
  uses: count,
  expires_at: Timestamp,
  created_at: Timestamp,
  /** Who made it, also once that account was removed. */
  created_by_name: z.string().nullable().default(null),
  group_ids: z.array(GroupId),
  revoked: z.boolean(),
})
export type Enrollment = z.infer<typeof Enrollment>

/** The hub's pulse: shown at the sidebar's foot at all times. */
export const HubStatus = z.object({
  listening: z.boolean(),
  port: count,
  addresses: z.array(z.string()),
  fingerprint: Fingerprint,
  online_agents: count,
  total_devices: count,
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
  /** Targets that ended within the last seven days. */
  last_7_days: z.object({ completed: count, failed: count, skipped: count }),
})
export type Stats = z.infer<typeof Stats>
