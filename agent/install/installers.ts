/** What each platform implements: how to run an installer, and how to detect software. */
import type { CodedText } from '#shared/domain/coded-texts/codes.ts'
import type { DeployPayload } from '#shared/contract/agent/link.ts'
import type { Detection } from '#shared/contract/detection.ts'
import type { InstallerKind } from '#shared/domain/platforms.ts'
import type { FailureReason } from '#shared/domain/reasons.ts'
import type { Before } from '../journal/records.ts'
import type { Command } from '../supervisor/files.ts'

/** unknown: this PC cannot find out (the tool for it is missing, or it failed). */
export type Presence = 'present' | 'absent' | 'unknown'

export type Job = {
  payload: DeployPayload
  /** The verified package; null if none is needed (removing an installed package by its name). */
  packageFile: string | null
  /** The attempt's folder, for files that the installer leaves there (a log, for example). */
  folder: string
  /** The working folder; defaults to the attempt's folder. */
  cwd?: string
  /** For temporary files of this attempt; defaults to its folder. */
  temporary?: string
  /** Ends waiting for other programs. */
  signal?: AbortSignal
  /** Called when another program has to be waited for. */
  onWait?: () => void
}
export type Prepared =
  | { ok: true; command: Command; env?: Record<string, string>; before: Before | null }
  | { ok: false; reason: FailureReason | 'retry_later'; text: CodedText }

export const impossible = (
  reason: FailureReason | 'retry_later',
  text: CodedText,
): Extract<Prepared, { ok: false }> => ({ ok: false, reason, text })

/** Whether the command needs its file: to install, or because the uninstaller is inside it. */
export const needsPackage = ({ action, archive }: DeployPayload): boolean =>
  action === 'install' || (archive?.uninstall_entry ?? null) !== null

/** Archives are extracted first, and then handled like the file inside that is run. */
export const ARCHIVE_KINDS: readonly InstallerKind[] = ['zip', 'tar']

export type Installers = {
  kinds: readonly InstallerKind[]
  /** The command to run, or why there is none. Changes nothing on the PC. */
  prepare: (job: Job) => Promise<Prepared>
  /**
   * Cleans up after a failed installer. `appendOutput` adds a line to its output. May be called again if the agent was
   * stopped in the middle of it.
   */
  repair: (job: Job, before: Before, appendOutput: (line: string) => void) => Promise<void>
  /**
   * Looks for the log that a failed installer wrote elsewhere; `appendOutput` adds a line to its output. Called once.
   */
  explain: (job: Job, appendOutput: (line: string) => void) => Promise<void>
  /** @param scriptTimeoutMs after this time, the result of a script is unknown */
  detect: (rule: Detection, scriptTimeoutMs?: number) => Promise<Presence>
}

/** Rules that only read. */
export type ReadOnlyRule = Exclude<Detection, { type: 'script' }>
/** The platform-specific part. */
export type PlatformInstallers = Omit<Installers, 'detect'> & {
  detect: (rule: ReadOnlyRule) => Promise<Presence>
}
