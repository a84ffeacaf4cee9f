/** The facts that this PC reports about itself. */
import { readFileSync, statfsSync } from 'node:fs'
import { arch, hostname, platform, release, version } from 'node:os'
import type { AgentFacts } from '#shared/contract/agent/link.ts'
import { agentFileName } from '#shared/contract/agent/update.ts'
import type { DeviceArch, DevicePlatform } from '#shared/domain/platforms.ts'
import { AGENT_VERSION } from '../lib/version.ts'

export function devicePlatform(): DevicePlatform {
  switch (platform()) {
    case 'win32':
      return 'windows'
    case 'darwin':
      return 'macos'
    default:
      return 'linux'
  }
}

function deviceArch(): DeviceArch {
  switch (arch()) {
    case 'arm64':
      return 'arm64'
    case 'ia32':
      return 'x86'
    default:
      return 'x64'
  }
}

/** The name under which controllers serve the agent for this PC. */
export const ownFileName = (): string => agentFileName(devicePlatform(), deviceArch())

/** PRETTY_NAME of os-release(5), or null. */
export function prettyName(osRelease: string): string | null {
  const line = /^PRETTY_NAME=(.*)$/m.exec(osRelease)?.[1]
  return line?.replace(/^(["'])(.*)\1$/, '$2').trim() || null
}

function osVersion(): string {
  if (platform() === 'win32') return `${version()} (${release()})`
  if (platform() === 'darwin') return `macOS (Darwin ${release()})`
  for (const file of ['/etc/os-release', '/usr/lib/os-release'])
    try {
      const name = prettyName(readFileSync(file, 'utf8'))
      if (name) return name
    } catch {
      // Try the next place, or use the kernel's own name.
    }
  return `Linux ${release()}`
}

/** Free bytes on the file system of `folder`, or null if unknown. */
export function freeDiskBytes(folder: string): number | null {
  try {
    const stat = statfsSync(folder)
    return Math.floor(stat.bavail * stat.bsize)
  } catch {
    return null
  }
}

/** @param diskFolder the folder whose file system is reported as free disk space */
export const gatherFacts = (name: string | null, diskFolder: string): AgentFacts => ({
  name: (name ?? hostname()).slice(0, 255) || 'unnamed',
  platform: devicePlatform(),
  arch: deviceArch(),
  os_version: osVersion().slice(0, 255),
  agent_version: AGENT_VERSION.slice(0, 64),
  free_disk_bytes: freeDiskBytes(diskFolder),
})
