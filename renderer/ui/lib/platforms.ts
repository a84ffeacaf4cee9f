/** Names of platforms, architectures and installer kinds. */
import type {
  DeviceArch,
  DevicePlatform,
  InstallerArch,
  InstallerKind,
} from '#shared/domain/platforms.ts'
import { t } from '../texts.ts'

export const PLATFORM_NAME: Record<DevicePlatform, string> = {
  windows: 'Windows',
  linux: 'Linux',
  macos: 'macOS',
}
/** Where to run a copied command, and with which rights. */
export const WHERE_TO_RUN: Record<DevicePlatform, string> = {
  windows: t('platforms.inPowershell'),
  linux: t('platforms.inShell'),
  macos: t('platforms.inTerminal'),
}
export const ARCH_NAME: Record<DeviceArch | InstallerArch, string> = {
  x64: t('platforms.bit64'),
  arm64: 'ARM64',
  x86: t('platforms.bit32'),
  any: t('platforms.anyArch'),
}
export const KIND_NAME: Record<InstallerKind, string> = {
  msi: t('kinds.msi'),
  msp: t('kinds.msp'),
  msu: t('kinds.msu'),
  msix: t('kinds.msix'),
  exe: t('kinds.exe'),
  ps1: t('kinds.ps1'),
  cmd: t('kinds.cmd'),
  deb: t('kinds.deb'),
  rpm: t('kinds.rpm'),
  sh: t('kinds.sh'),
  appimage: t('kinds.appimage'),
  pkg: t('kinds.pkg'),
  dmg: t('kinds.dmg'),
  zip: t('kinds.zip'),
  tar: t('kinds.tar'),
}
/** Example arguments that make an installer of this kind run silently. */
export const ARGS_EXAMPLE: Record<InstallerKind, string> = {
  msi: 'ALLUSERS=1',
  msp: '',
  msu: '',
  msix: '',
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
