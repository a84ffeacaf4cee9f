/** Reads a Linux PC: procfs, sysfs, os-release(5), and the tools that list sessions and packages. */
import { arch, cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import type { HardwareInfo, OsInfo } from '#shared/domain/inventory.ts'
import { findProgram } from '../../install/linux/deb.ts'
import type { PlatformReader } from '../platform.ts'
import {
  ask,
  disksOf,
  firmwareText,
  looksVirtual,
  modelName,
  namesIn,
  readText,
  timeOf,
  type Mount,
} from '../reading.ts'
import { linuxSoftware } from './packages.ts'

/** File systems on local disks. A network file system may not answer for minutes. */
const DISK_TYPES =
  /^(?:ext[234]|xfs|btrfs|bcachefs|f2fs|jfs|zfs|reiserfs|vfat|exfat|ntfs3?|fuseblk|hfsplus|overlay)$/

/** Decodes the octal escapes of proc_pid_mountinfo(5): spaces and backslashes in a path. */
const unescaped = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)))

/** Disks in /proc/self/mountinfo, each once, with its shortest mount path. */
export function parseMounts(mountinfo: string): Mount[] {
  const byDisk = new Map<string, Mount>()
  for (const line of mountinfo.split('\n')) {
    const words = line.split(' ')
    const dash = words.indexOf('-', 6)
    const [number, path] = [words[2], words[4]]
    const [type, source] = [words[dash + 1], words[dash + 2]]
    if (dash < 0 || !number || !path || !type || !source || !DISK_TYPES.test(type)) continue
    // The root of a container; other overlay mounts are on the same disk.
    if (type === 'overlay' && path !== '/') continue
    const mount = {
      mount: unescaped(path),
      device: unescaped(source),
      file_system: type === 'fuseblk' ? null : type,
    }
    const disk = source.startsWith('/dev/') ? source : number
    const known = byDisk.get(disk)
    if (!known || mount.mount.length < known.mount.length) byDisk.set(disk, mount)
  }
  return [...byDisk.values()].sort((a, b) => (a.mount < b.mount ? -1 : 1))
}

/**
 * Output of `loginctl list-sessions --no-legend`: session, uid, user, … Excludes screens on which nobody has
 * signed in yet.
 */
export const parseLoginctl = (text: string): string[] =>
  text.split('\n').flatMap((line) => {
    const [, uid, user] = line.trim().split(/\s+/)
    const id = Number(uid)
    return user && Number.isInteger(id) && (id === 0 || id >= 1000) ? [user] : []
  })

/** Output of who(1): the first word of each line. */
export const parseWho = (text: string): string[] =>
  text.split('\n').flatMap((line) => line.trim().split(/\s+/)[0] || [])

export function parseOsRelease(text: string): { name: string | null; version: string | null } {
  const value = (key: string): string | null =>
    new RegExp(`^${key}=(.*)$`, 'm')
      .exec(text)?.[1]
      ?.replace(/^(["'])(.*)\1$/, '$2')
      .trim() || null
  return { name: value('NAME'), version: value('VERSION') ?? value('VERSION_ID') }
}

async function hardware(root: string): Promise<HardwareInfo> {
  const dmi = async (name: string) =>
    firmwareText(await readText(join(root, 'sys/class/dmi/id', name)))
  const manufacturer = await dmi('sys_vendor')
  const model =
    modelName(manufacturer, await dmi('product_name'), await dmi('product_version')) ??
    firmwareText(await readText(join(root, 'proc/device-tree/model')))
  const firmware = [await dmi('bios_vendor'), await dmi('bios_version')].filter(Boolean).join(' ')
  const processors = cpus()
  return {
    manufacturer,
    model,
    // Readable by root only.
    serial: await dmi('product_serial'),
    cpu: firmwareText(processors[0]?.model.replace(/\s+/g, ' ')),
    processors: processors.length || null,
    memory_bytes: totalmem(),
    firmware: firmware || null,
    virtual: looksVirtual(manufacturer, model),
  }
}

async function osInfo(root: string): Promise<OsInfo> {
  const output =
    (await readText(join(root, 'etc/os-release'))) ??
    (await readText(join(root, 'usr/lib/os-release'))) ??
    ''
  const { name, version } = parseOsRelease(output)
  const booted = /^btime (\d+)$/m.exec((await readText(join(root, 'proc/stat'))) ?? '')?.[1]
  return {
    name: name ?? 'Linux',
    version,
    build: release(),
    arch: arch(),
    installed_at: null,
    booted_at: timeOf(Number(booted)),
  }
}

async function users(): Promise<string[] | null> {
  const loginctl = findProgram('loginctl')
  const sessions = loginctl && (await ask(loginctl, ['list-sessions', '--no-legend', '--no-pager']))
  if (sessions) return parseLoginctl(sessions)
  const who = findProgram('who')
  const output = who && (await ask(who, []))
  return output === null ? null : parseWho(output)
}

/** Wired and wireless interfaces of physical devices. */
async function interfaces(root: string): Promise<{ name: string; mac: string }[]> {
  const net = join(root, 'sys/class/net')
  const found: { name: string; mac: string }[] = []
  for (const name of await namesIn(net)) {
    const mac = (await readText(join(net, name, 'address')))?.trim()
    if (mac && (await namesIn(join(net, name, 'device'))).length > 0) found.push({ name, mac })
  }
  return found
}

/** @param root where `sys`, `proc` and `etc` are */
export const createLinuxReader = (installRoot: string | null, root = '/'): PlatformReader => ({
  hardware: () => hardware(root),
  os: () => osInfo(root),
  async disks() {
    const output = await readText(join(root, 'proc/self/mountinfo'))
    return output === null ? null : disksOf(parseMounts(output))
  },
  users,
  software: () => linuxSoftware(installRoot),
  idleInterfaces: () => interfaces(root),
})
