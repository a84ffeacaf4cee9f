/** Platforms, architectures and installer kinds, and which installer fits a device. */
import { z } from 'zod'

export const DevicePlatform = z.enum(['windows', 'linux', 'macos'])
export type DevicePlatform = z.infer<typeof DevicePlatform>
export const DeviceArch = z.enum(['x64', 'arm64', 'x86'])
export type DeviceArch = z.infer<typeof DeviceArch>
export const InstallerArch = z.enum(['x64', 'arm64', 'x86', 'any'])
export type InstallerArch = z.infer<typeof InstallerArch>

export const INSTALLER_KINDS = {
  msi: { platform: 'windows', extension: '.msi' },
  msp: { platform: 'windows', extension: '.msp' },
  msu: { platform: 'windows', extension: '.msu' },
  msix: { platform: 'windows', extension: '.msix' },
  exe: { platform: 'windows', extension: '.exe' },
  ps1: { platform: 'windows', extension: '.ps1' },
  cmd: { platform: 'windows', extension: '.cmd' },
  deb: { platform: 'linux', extension: '.deb' },
  rpm: { platform: 'linux', extension: '.rpm' },
  sh: { platform: 'linux', extension: '.sh' },
  appimage: { platform: 'linux', extension: '.appimage' },
  pkg: { platform: 'macos', extension: '.pkg' },
  dmg: { platform: 'macos', extension: '.dmg' },
  // Archives with an entry command: their content decides the platform.
  zip: { platform: null, extension: '.zip' },
  tar: { platform: null, extension: '.tar.gz' },
} as const satisfies Record<string, { platform: DevicePlatform | null; extension: string }>
export type InstallerKind = keyof typeof INSTALLER_KINDS
export const InstallerKind = z.enum(
  Object.keys(INSTALLER_KINDS) as [InstallerKind, ...InstallerKind[]],
)

/** Further file extensions of a kind. */
export const OTHER_EXTENSIONS = {
  '.bat': 'cmd',
  '.run': 'sh',
  '.appx': 'msix',
  '.appxbundle': 'msix',
  '.msixbundle': 'msix',
  '.tgz': 'tar',
  '.tar': 'tar',
  '.tar.xz': 'tar',
  '.txz': 'tar',
} as const satisfies Record<string, InstallerKind>
/** All extensions of files that can be deployed. */
export const INSTALLER_EXTENSIONS: readonly string[] = [
  ...Object.values(INSTALLER_KINDS).map((kind) => kind.extension),
  ...Object.keys(OTHER_EXTENSIONS),
]

/** The kind of a file by its name, or null. */
export function kindOfFileName(fileName: string): InstallerKind | null {
  const lower = fileName.toLowerCase()
  for (const [extension, kind] of Object.entries(OTHER_EXTENSIONS))
    if (lower.endsWith(extension)) return kind
  const found = Object.entries(INSTALLER_KINDS).find(([, k]) => lower.endsWith(k.extension))
  return found ? (found[0] as InstallerKind) : null
}

/**
 * How well an installer fits a device: 0 = not at all, higher = better. An exact architecture beats `any`. Installers that need
 * emulation (x86 on Windows x64, x64 on Windows and macOS arm64) come last.
 */
export function installerFit(
  installer: { platform: DevicePlatform; arch: InstallerArch },
  device: { platform: DevicePlatform; arch: DeviceArch },
): number {
  if (installer.platform !== device.platform) return 0
  if (installer.arch === device.arch) return 4
  if (installer.arch === 'any') return 3
  if (device.platform === 'windows' && device.arch === 'x64' && installer.arch === 'x86') return 2
  if (device.platform !== 'linux' && device.arch === 'arm64' && installer.arch === 'x64') return 1
  return 0
}

/** The best installer for a device, or null if none fits. On a tie the first wins. */
export function chooseInstaller<T extends { platform: DevicePlatform; arch: InstallerArch }>(
  installers: readonly T[],
  device: { platform: DevicePlatform; arch: DeviceArch },
): T | null {
  let best: T | null = null
  let bestFit = 0
  for (const installer of installers) {
    const fit = installerFit(installer, device)
    if (fit > bestFit) [best, bestFit] = [installer, fit]
  }
  return best
}
