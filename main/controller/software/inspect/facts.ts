import type { Detection } from '#shared/contract/detection.ts'
import { AppError } from '#shared/contract/errors.ts'
import { withoutSteering } from '#shared/domain/plain-text.ts'
import type { InstallerTechnology } from '#shared/domain/installer-technology.ts'
import type { DevicePlatform, InstallerArch } from '#shared/domain/platforms.ts'

/** What lies in an archive. */
export type ArchiveListing = {
  files: { path: string; isExecutable: boolean }[]
  /** Bytes of all files together. */
  expandedBytes: number
  /** Why Windows cannot extract it; null: it can. */
  windowsProblem: string | null
}

/** What a file tells of itself. */
export type PackageFacts = {
  name: string
  version: string
  publisher: string
  /** Null: it may be for any, as archives are. */
  platform: DevicePlatform | null
  /** Null: made for an architecture that no agent runs on. */
  arch: InstallerArch | null
  /** The package's own word for its architecture, where it has one. */
  archWord: string
  detection: Detection | null
  /** Windows programs: the tool that made the installer, where its marks are known. */
  technology?: InstallerTechnology | null
  /** Archives: what they hold. */
  archive?: ArchiveListing
}

/** A file that is not what it says to be. */
export const unreadable = (what: string, cause?: unknown): AppError =>
  new AppError('E_PACKAGE_UNREADABLE', `The package cannot be used: ${what}.`, [], { cause })

/** One line for people, from a file that anybody may have made. */
export const cleanText = (text: string, maxLength: number): string =>
  withoutSteering(text.replaceAll(/\s+/gu, ' ').trim()).slice(0, maxLength).trim()
