/**
 * Hardware and software of a PC. The PC reports all of it, so it is bounded here, free of control characters, and rendered as
 * text everywhere. A section is null if the PC could not read it.
 */
import { z } from 'zod'
import { replaceMisleading } from './plain-text.ts'

export const SOFTWARE_LIMIT = 5_000
export const DISKS_LIMIT = 64
export const INTERFACES_LIMIT = 64
export const USERS_LIMIT = 32
const ADDRESSES_LIMIT = 32

export const TEXT_LIMIT = 256

/** Agents clean their texts before they send them, because both ends must compute the same hash. Other text is refused. */
const text = z
  .string()
  .max(TEXT_LIMIT)
  .refine((value) => replaceMisleading(value) === value, 'holds control characters')
const bytes = z.number().int().nonnegative()

export const HardwareInfo = z.object({
  manufacturer: text.nullable(),
  model: text.nullable(),
  serial: text.nullable(),
  cpu: text.nullable(),
  /** Logical processors: threads, not cores. */
  processors: z.number().int().positive().max(65_536).nullable(),
  memory_bytes: bytes.nullable(),
  firmware: text.nullable(),
  /** It is a virtual machine. */
  virtual: z.boolean().nullable(),
})
export type HardwareInfo = z.infer<typeof HardwareInfo>

export const OsInfo = z.object({
  name: text,
  version: text.nullable(),
  /** Build number, or kernel release. */
  build: text.nullable(),
  arch: text,
  installed_at: z.iso.datetime().nullable(),
  booted_at: z.iso.datetime().nullable(),
})
export type OsInfo = z.infer<typeof OsInfo>

export const DiskInfo = z.object({
  /** `C:`, or where it is mounted. */
  mount: text,
  device: text.nullable(),
  file_system: text.nullable(),
  size_bytes: bytes,
  /** Updated when it has changed by a hundredth of the disk. */
  free_bytes: bytes,
})
export type DiskInfo = z.infer<typeof DiskInfo>

export const InterfaceInfo = z.object({
  name: text,
  mac: z
    .string()
    .regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/)
    .nullable(),
  /** With prefix length: `192.168.1.20/24`. */
  addresses: z.array(text).max(ADDRESSES_LIMIT),
})
export type InterfaceInfo = z.infer<typeof InterfaceInfo>

/** Why a restart is pending. */
export const RebootReason = z.enum([
  'windows_update',
  'component_servicing',
  'file_renames',
  'package_update',
])
export type RebootReason = z.infer<typeof RebootReason>
export const RebootInfo = z.object({
  pending: z.boolean(),
  reasons: z.array(RebootReason).max(RebootReason.options.length),
})
export type RebootInfo = z.infer<typeof RebootInfo>

/** Where it is registered as installed. `registry`: the Uninstall keys of Windows. */
export const SoftwareSource = z.enum(['registry', 'dpkg', 'rpm', 'pkgutil'])
export type SoftwareSource = z.infer<typeof SoftwareSource>
export const InstalledSoftware = z.object({
  /** Unique on this PC. */
  key: text.min(1),
  source: SoftwareSource,
  name: text.min(1),
  version: text.nullable(),
  publisher: text.nullable(),
  /** The date only, because Windows reports no time. */
  installed_on: z.iso.date().nullable(),
})
export type InstalledSoftware = z.infer<typeof InstalledSoftware>

const sections = {
  hardware: HardwareInfo.nullable(),
  os: OsInfo.nullable(),
  disks: z.array(DiskInfo).max(DISKS_LIMIT).nullable(),
  network: z.array(InterfaceInfo).max(INTERFACES_LIMIT).nullable(),
  /** Who is signed in, by name. */
  users: z.array(text).max(USERS_LIMIT).nullable(),
  reboot: RebootInfo.nullable(),
  /** Number of entries left out of `software`, because there are too many. */
  software_omitted: z.number().int().nonnegative().max(1_000_000),
}
export const InventorySections = z.object(sections)
export type InventorySections = z.infer<typeof InventorySections>
export type SectionName = keyof typeof sections
export const SECTION_NAMES = Object.keys(sections) as SectionName[]

export const Inventory = InventorySections.extend({
  /** In the order of their keys. */
  software: z.array(InstalledSoftware).max(SOFTWARE_LIMIT).nullable(),
})
export type Inventory = z.infer<typeof Inventory>

/** The changed sections, and the changed entries of the software. */
export const InventoryDelta = z.object({
  sections: InventorySections.partial(),
  /** Null: no longer readable. Left out: unchanged. */
  software: z
    .object({
      changed: z.array(InstalledSoftware).max(SOFTWARE_LIMIT),
      removed: z.array(text).max(SOFTWARE_LIMIT),
    })
    .nullable()
    .optional(),
})
export type InventoryDelta = z.infer<typeof InventoryDelta>

export const EMPTY_INVENTORY: Inventory = {
  hardware: null,
  os: null,
  disks: null,
  network: null,
  users: null,
  reboot: null,
  software_omitted: 0,
  software: null,
}
