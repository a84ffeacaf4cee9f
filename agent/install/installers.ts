/** What each platform knows: how an installer is run there, and how it is told whether a software is there. */
import type { DeployPayload } from '#shared/contract/agent-link.ts'
import type { Detection } from '#shared/contract/detection.ts'
import type { InstallerKind } from '#shared/domain/platforms.ts'
import type { FailureReason } from '#shared/domain/reasons.ts'
import type { Before } from '../journal/records.ts'
import type { Command } from '../supervisor/files.ts'

/** unknown: this PC cannot tell (the tool for it is missing, or it failed). */
export type Presence = 'present' | 'absent' | 'unknown'

export type Job = {
  payload: DeployPayload
  /** The verified package; null where none is needed (removing an installed package by its name). */
  packageFile: string | null
  /** Of this attempt, for what the installer leaves there (a log, say). */
  folder: string
  /** Where it is run; the attempt's folder unless told otherwise. */
  cwd?: string
  /** For temporary files of this attempt; its folder unless told otherwise. */
  temporary?: string
  /** Ends waiting for other programs. */
  signal?: AbortSignal
  /** Called when another program has to be waited for. */
  onWait?: () => void
}
export type Prepared =
  | { ok: true; command: Command; env?: Record<string, string>; before: Before | null }
  | { ok: false; reason: FailureReason | 'retry_later'; message: string }

export const impossible = (
  reason: FailureReason | 'retry_later',
  message: string,
): Extract<Prepared, { ok: false }> => ({ ok: false, reason, message })

/** Whether the command needs its file: to install, or because what removes the software lies in it. */
export const needsPackage = ({ action, archive }: DeployPayload): boolean =>
  action === 'install' || (archive?.uninstall_entry ?? null) !== null

/** Archives are extracted before, and run as what they hold. */
export const ARCHIVE_KINDS: readonly InstallerKind[] = ['zip', 'tar']

export type Installers = {
  kinds: readonly InstallerKind[]
  /** The command that does it, or why it cannot be done. Changes nothing on the PC. */
  prepare: (job: Job) => Promise<Prepared>
  /**
   * Puts right what a failed installer left half-done. `say` adds a line to its output.
   * May be called again when an agent was stopped in the middle of it.
   */
  repair: (job: Job, before: Before, say: (line: string) => void) => Promise<void>
  /**
   * Looks for what an installer that did not end well wrote elsewhere, in a log of its own; `say` adds a line to its output.
   * Called once.
   */
  explain: (job: Job, say: (line: string) => void) => Promise<void>
  /** @param scriptTimeoutMs a script that has not ended by then cannot tell */
  detect: (rule: Detection, scriptTimeoutMs?: number) => Promise<Presence>
}

/** Rules that only look. */
export type LookingRule = Exclude<Detection, { type: 'script' }>
/** What a platform has of its own. */
export type PlatformInstallers = Omit<Installers, 'detect'> & {
  detect: (rule: LookingRule) => Promise<Presence>
}
