/** Names of platforms, architectures and installer kinds. */
import type {
  DeviceArch,
  DevicePlatform,
  InstallerArch,
  InstallerKind,
} from '#shared/domain/platforms.ts'

export const PLATFORM_NAME: Record<DevicePlatform, string> = {
  windows: 'Windows',
  linux: 'Linux',
  macos: 'macOS',
}
/** Where to run a copied command, and with which rights. */
export const WHERE_TO_RUN: Record<DevicePlatform, string> = {
  windows: 'In PowerShell, as administrator.',
  linux: 'In a terminal, by somebody who may use sudo, or as root.',
  macos: 'In Terminal, by an administrator.',
}
export const ARCH_NAME: Record<DeviceArch | InstallerArch, string> = {
  x64: '64-bit',
  arm64: 'ARM64',
  x86: '32-bit',
  any: 'any architecture',
}
export const KIND_NAME: Record<InstallerKind, string> = {
  msi: 'Windows Installer package',
  exe: 'Windows program',
  ps1: 'PowerShell script',
  cmd: 'Batch file',
  deb: 'Debian package',
  rpm: 'RPM package',
  sh: 'Shell script',
  appimage: 'AppImage',
  pkg: 'macOS package',
  dmg: 'macOS disk image',
  zip: 'Zip archive',
  tar: 'Tar archive',
}
/** Example arguments that make an installer of this kind run silently. */
export const ARGS_EXAMPLE: Record<InstallerKind, string> = {
  msi: 'ALLUSERS=1',
  exe: '/S',
  ps1: '-Quiet',
  cmd: '/quiet',
  deb: '',
  rpm: '',
  sh: '--unattended',
  appimage: '',
  pkg: '',
  dmg: '',
  zip: '',
  tar: '',
}
