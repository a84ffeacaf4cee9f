/** The data that each platform can read. Null: unknown. Nothing here rejects. */
import type { DiskInfo, HardwareInfo, InstalledSoftware, OsInfo } from '#shared/domain/inventory.ts'

export type PlatformReader = {
  hardware: () => Promise<HardwareInfo | null>
  os: () => Promise<OsInfo | null>
  disks: () => Promise<DiskInfo[] | null>
  users: () => Promise<string[] | null>
  software: () => Promise<InstalledSoftware[] | null>
  /** Built-in interfaces without an address: their names and MACs. */
  idleInterfaces: () => Promise<{ name: string; mac: string }[]>
}
