/**
 * What an installer's exit code means. Codes are data, not exceptions.
 *
 * Sources: windows-codes.ts for Windows; dpkg(1) section EXIT STATUS and apt-get(8) DIAGNOSTICS for deb; rpm(8) for rpm; installer(8) for pkg;
 * POSIX shell for 126, 127 and 128+n.
 */
import type { InstallerKind } from './platforms.ts'
import {
  failed,
  formatExitCode,
  toUnsigned,
  windowsMeaning,
  withoutFacility,
  type ExitMeaning,
} from './windows-codes.ts'

export type { ExitMeaning, ExitOutcome } from './windows-codes.ts'
type Action = 'install' | 'uninstall'

const POSIX: Record<number, ExitMeaning> = {
  0: { outcome: 'success', text: 'installed' },
  126: failed('the installer could not be executed'),
  127: failed('a command was not found'),
  130: failed('interrupted'),
  137: failed('killed'),
  143: failed('terminated'),
}

const BY_KIND: Partial<Record<InstallerKind, Record<number, ExitMeaning>>> = {
  deb: {
    1: failed(
      'the package could not be installed: a dependency, a script of the package or the file itself',
    ),
    2: failed(
      'a fatal error: the database of packages is locked, not writable, or the file cannot be read',
    ),
    100: failed('apt could not complete the installation'),
  },
  rpm: {
    1: failed(
      'the package could not be installed: a dependency, a script of the package or the file itself',
    ),
    2: failed('already installed, or in conflict with an installed package'),
  },
  pkg: { 1: failed('the installer reported an error') },
}

/** What the same codes mean for a removal. A code that is not listed means the same. */
const WINDOWS_REMOVAL: Record<number, string> = {
  740: 'the uninstaller needs administrator rights',
  1602: 'the removal was cancelled',
  1603: 'fatal error during the removal',
  1627: 'a function of the removal failed',
  1641: 'removed, a restart was started',
  3010: 'removed, a restart is needed',
}
const POSIX_REMOVAL: Record<number, string> = { 126: 'the uninstaller could not be executed' }
const NOT_REMOVED =
  'the package could not be removed: another one needs it, or a script of the package failed'
const REMOVAL_BY_KIND: Partial<Record<InstallerKind, Record<number, string>>> = {
  deb: { 1: NOT_REMOVED, 100: 'apt could not complete the removal' },
  rpm: { 1: NOT_REMOVED, 2: 'the uninstaller reported a failure' },
  pkg: { 1: 'the uninstaller reported an error' },
}

const WINDOWS_KINDS: readonly InstallerKind[] = ['msi', 'msp', 'msu', 'msix', 'exe', 'ps1', 'cmd']

/**
 * The meaning of an exit code for this kind of installer.
 * @param successCodes further codes that mean success (from the library entry)
 * @param action changes the text, not the outcome
 */
export function explainExitCode(
  kind: InstallerKind,
  exitCode: number,
  successCodes: readonly number[] = [],
  action: Action = 'install',
): ExitMeaning {
  const isWindows = WINDOWS_KINDS.includes(kind)
  const code = isWindows ? toUnsigned(exitCode) : exitCode
  const known = BY_KIND[kind]?.[code] ?? (isWindows ? windowsMeaning(code) : POSIX[code])
  const isNamed = successCodes.some((one) => (isWindows ? toUnsigned(one) : one) === code)
  const isSuccess = known?.outcome === 'success' || (isNamed && known?.outcome !== 'success_reboot')
  if (isSuccess) return { outcome: 'success', text: action === 'install' ? 'installed' : 'removed' }
  if (action === 'install') return known ?? failed('the installer reported a failure')
  const text =
    REMOVAL_BY_KIND[kind]?.[code] ??
    (isWindows ? WINDOWS_REMOVAL[withoutFacility(code)] : POSIX_REMOVAL[code])
  const meaning = known ?? failed('the uninstaller reported a failure')
  return {
    ...meaning,
    text: text ?? meaning.text.replace(/\bthe installer crashed\b/, 'the uninstaller crashed'),
  }
}

/** The code with its meaning: "1618: another installation is running". */
export const exitCodeInWords = (kind: InstallerKind, exitCode: number, action?: Action): string =>
  `${formatExitCode(exitCode)}: ${explainExitCode(kind, exitCode, [], action).text}`
