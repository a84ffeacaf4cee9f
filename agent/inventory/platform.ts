/** What each platform knows to read. Null: it could not be told. Nothing here rejects. */
import type { DiskInfo, HardwareInfo, InstalledSoftware, OsInfo } from '#shared/domain/inventory.ts'

export type PlatformReader = {
  hardware: () => Promise<HardwareInfo | null>
  os: () => Promise<OsInfo | null>
  disks: () => Promise<DiskInfo[] | null>
  users: () => Promise<string[] | null>
  software: () => Promise<InstalledSoftware[] | null>
  /** Interfaces that are built in and have no address now: their names and MACs. */
  idleInterfaces: () => Promise<{ name: string; mac: string }[]>
}
