import type { Detection } from '#shared/contract/detection.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { InstallerKnowledge } from '#shared/contract/rest/installer-knowledge.ts'
import { replaceMisleading } from '#shared/domain/plain-text.ts'
import type { InstallerTechnology } from '#shared/domain/installer-technology.ts'
import type { DevicePlatform, InstallerArch } from '#shared/domain/platforms.ts'

/** The contents of an archive. Bounded, because it is sent to the hub's thread. */
export type ArchiveFacts = {
  /** Total size of all files. */
  expandedBytes: number
  /** Files that some platform can run, at most ARCHIVE_CHOICE_LIMIT. */
  choices: string[]
  /** Why a platform cannot extract it, as a message. */
  problems: Partial<Record<DevicePlatform, string>>
  /** The files that the caller asked about; `nearest`: the most similar names, if there is no such file. */
  asked: { path: string; exists: boolean; nearest: string[] }[]
}

/** What a file says about itself. */
export type PackageFacts = {
  name: string
  version: string
  publisher: string
  /** Null: any platform, as for archives. */
  platform: DevicePlatform | null
  /** Null: for an architecture that no agent runs on. */
  arch: InstallerArch | null
  /** The package's own name for its architecture, if it has one. */
  archWord: string
  detection: Detection | null
  /** Windows programs: the tool that made the installer, if its marks are known. */
  technology?: InstallerTechnology | null
  archive?: ArchiveFacts
  /** How it installs, if the file says so. */
  knowledge?: InstallerKnowledge | null
}

/** A file that is not what it claims to be. `what` may contain names from the file. */
export const unreadable = (what: string, cause?: unknown): AppError =>
  new AppError(
    'E_PACKAGE_UNREADABLE',
    replaceMisleading(`The package cannot be used: ${what}.`),
    [],
    { cause },
  )

/** A file that ends before what it contains does. `what` is the part that is cut off, such as `this NSIS installer`. */
export const cutOff = (what: string, wholeBytes: number, availableBytes: number): AppError =>
  unreadable(
    `it is cut off: ${what} should have ${wholeBytes} bytes, but only ${availableBytes} are there`,
  )

/** A file that needs more than a reader may use. `limit` names what was exceeded, with its unit. */
export const beyondLimit = (limit: string): AppError =>
  new AppError(
    'E_PACKAGE_LIMIT',
    `The file cannot be inspected within the limits: it needs more than ${limit}. Nothing was stored.`,
    [{ path: '/file', message: `needs more than ${limit}` }],
  )

/** One line to show to people, from an untrusted file. */
export const cleanText = (text: string, maxLength: number): string =>
  replaceMisleading(
    text
      .slice(0, 8 * maxLength)
      .replaceAll(/\s+/gu, ' ')
      .trim(),
  )
    .slice(0, maxLength)
    .trim()
