/** Collects the inventory section by section and converts it to the form that the hub accepts. */
import { networkInterfaces } from 'node:os'
import { PACKED_LIMIT_CHARS } from '#shared/contract/inventory.ts'
import { diffInventory, inKeyOrder } from '#shared/domain/inventory-delta.ts'
import {
  DISKS_LIMIT,
  EMPTY_INVENTORY,
  INTERFACES_LIMIT,
  Inventory,
  SOFTWARE_LIMIT,
  TEXT_LIMIT,
  USERS_LIMIT,
  type DiskInfo,
} from '#shared/domain/inventory.ts'
import { replaceMisleading } from '#shared/domain/plain-text.ts'
import { rebootReasons } from '../detect/reboot.ts'
import { devicePlatform } from '../facts/facts.ts'
import { errorText } from '../lib/atomic-file.ts'
import type { Log } from '../lib/log.ts'
import { createLinuxReader } from './linux/linux.ts'
import { createMacosReader } from './macos/macos.ts'
import { interfacesOf } from './network.ts'
import { pack } from './pack.ts'
import type { PlatformReader } from './platform.ts'
import { createWindowsReader } from './windows/windows.ts'

/** Report free space again when it has changed by this share of the disk. */
const FREE_SPACE_STEP = 0.01
/** The boot time is computed from clocks that are adjusted now and then. */
const BOOT_TIME_STEP_MS = 120_000

/**
 * Never rejects. @param before the last reported inventory: values that have barely changed are kept from it
 */
export type Collect = (before: Inventory | null) => Promise<Inventory>

/** One line of limited length, without misleading characters. */
const plain = (text: string): string =>
  replaceMisleading(text.replace(/\s+/g, ' ').trim().slice(0, TEXT_LIMIT))

/** Applies that to every text in the value. */
function plainly<T>(value: T): T {
  if (typeof value === 'string') return plain(value) as T
  if (Array.isArray(value)) return value.map(plainly) as T
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).map(([name, field]) => [name, plainly<unknown>(field)])
  return Object.fromEntries(fields) as T
}

function steadyDisks(before: readonly DiskInfo[], now: readonly DiskInfo[]): DiskInfo[] {
  return now.map((disk) => {
    const known = before.find((d) => d.mount === disk.mount && d.size_bytes === disk.size_bytes)
    const moved = known ? Math.abs(known.free_bytes - disk.free_bytes) : Infinity
    const isSame = known !== undefined && moved < disk.size_bytes * FREE_SPACE_STEP
    return isSame ? { ...disk, free_bytes: known.free_bytes } : disk
  })
}

/**
 * Keeps the last reported value of figures that fluctuate, until they have changed enough; otherwise every
 * report would contain changes.
 */
export function steady(before: Inventory | null, now: Inventory): Inventory {
  if (before === null) return now
  const [old, os] = [before.os?.booted_at, now.os]
  const sameStart =
    old && os?.booted_at && Math.abs(Date.parse(old) - Date.parse(os.booted_at)) < BOOT_TIME_STEP_MS
  return {
    ...now,
    os: os && sameStart ? { ...os, booted_at: old } : os,
    disks: now.disks && steadyDisks(before.disks ?? [], now.disks),
  }
}

/** As much of its software as fits into one report. Thousands of entries do; the rest is only counted. */
async function fitting(inventory: Inventory): Promise<Inventory> {
  let fit = inventory
  for (;;) {
    const count = fit.software?.length ?? 0
    const packed = await pack(diffInventory(null, fit))
    if (packed.length <= PACKED_LIMIT_CHARS || fit.software === null || count === 0) return fit
    const software = fit.software.slice(0, Math.floor(count * 0.8))
    fit = { ...fit, software, software_omitted: fit.software_omitted + count - software.length }
  }
}

/** @param installRoot a folder to install into instead of the PC: reports its packages */
export function createReader(installRoot: string | null): PlatformReader {
  switch (devicePlatform()) {
    case 'windows':
      return createWindowsReader()
    case 'macos':
      return createMacosReader()
    case 'linux':
      return createLinuxReader(installRoot)
  }
}

export function createCollector(deps: { reader: PlatformReader; log: Log }): Collect {
  const { reader, log } = deps

  /** The result of a reader in the hub's form; null if it is empty, failed, or invalid for the hub. */
  async function section<K extends keyof Inventory>(
    name: K,
    read: () => Promise<unknown>,
  ): Promise<Inventory[K] | null> {
    try {
      return Inventory.shape[name].parse(plainly(await read())) as Inventory[K]
    } catch (error) {
      log.debug({ section: name, why: errorText(error) }, 'a part of the inventory was not read')
      return null
    }
  }

  return async (before) => {
    let omitted = 0
    const software = await section('software', async () => {
      const found = plainly(await reader.software())
      if (found === null) return null
      const named = inKeyOrder(found.filter((entry) => entry.key !== '' && entry.name !== ''))
      omitted = Math.max(0, named.length - SOFTWARE_LIMIT)
      return named.slice(0, SOFTWARE_LIMIT)
    })
    const now: Inventory = {
      ...EMPTY_INVENTORY,
      hardware: await section('hardware', reader.hardware),
      os: await section('os', reader.os),
      disks: await section('disks', async () => {
        const found = await reader.disks()
        return found && found.slice(0, DISKS_LIMIT)
      }),
      network: await section('network', async () =>
        interfacesOf(networkInterfaces(), await reader.idleInterfaces()).slice(0, INTERFACES_LIMIT),
      ),
      users: await section('users', async () => {
        const found = await reader.users()
        return found && [...new Set(found)].sort().slice(0, USERS_LIMIT)
      }),
      reboot: await section('reboot', async () => {
        const reasons = await rebootReasons()
        return reasons && { pending: reasons.length > 0, reasons }
      }),
      software,
      software_omitted: omitted,
    }
    return fitting(steady(before, now))
  }
}
