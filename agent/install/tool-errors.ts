/**
 * Explains the output of a failed tool: its most useful line, and for known causes, what they are and what
 * helps. Pure. The tools run in English (environment.ts).
 */
import type { Cause, ToolWords } from '#shared/domain/coded-texts/codes.ts'
import type { InstallerKind } from '#shared/domain/platforms.ts'
import type { TargetReason } from '#shared/domain/reasons.ts'

type Values = Omit<ToolWords, 'cause' | 'line'>

export type ToolError = {
  /** A line of the tool's output; null if no line is useful. */
  line: string | null
  /** What it means, and what helps. */
  cause: Cause | null
  /** The parameters of that text. */
  values: Values
  /** Set if the cause is one of these reasons. */
  reason: Extract<TargetReason, 'retry_later' | 'disk_space' | 'permission'> | null
}

const LINE_LIMIT = 300
/** Limit per line, so that no pattern takes long. */
const LINE_READ_LIMIT = 1_000
/** Only the end is read: that is where tools report why they give up. */
const TEXT_LIMIT = 64 * 1024

type Known = {
  pattern: RegExp
  cause: Cause
  /** Parameters of its text. */
  values?: (match: RegExpExecArray) => Values
  reason?: ToolError['reason']
}

const LOCKS: Known[] = [
  {
    pattern: /^.*(?:could not get lock|unable to (?:acquire|lock) .*\/var\/(?:lib|cache)\/).*$/im,
    cause: 'cause_busy',
    reason: 'retry_later',
  },
  {
    pattern: /^dpkg: error:.*lock(?:ed)? .*(?:by another process|resource temporarily).*$/im,
    cause: 'cause_busy',
    reason: 'retry_later',
  },
  {
    pattern: /^debconf: .*is locked by another process.*$/im,
    cause: 'cause_busy',
    reason: 'retry_later',
  },
  {
    pattern:
      /^.*(?:can't create transaction lock|database is locked|cannot get (?:exclusive|shared) lock).*$/im,
    cause: 'cause_busy',
    reason: 'retry_later',
  },
]
const SPACE: Known[] = [
  {
    pattern:
      /^.*(?:no space left on device|disk quota exceeded|don't have enough free space in|installing package \S+ needs \S+ .*on the \S+ filesystem).*$/im,
    cause: 'cause_disk_full',
    reason: 'disk_space',
  },
  {
    pattern: /^.*read-only file system.*$/im,
    cause: 'cause_read_only',
  },
]
const DEB: Known[] = [
  {
    pattern: /^.*(?:held packages were changed|packages? .* (?:is|are) (?:on hold|held back)).*$/im,
    cause: 'cause_on_hold',
  },
  {
    pattern: /^.*dpkg was interrupted.*$/im,
    cause: 'cause_dpkg_interrupted',
  },
  {
    pattern: /^.*uses unknown compression for member '([^'\n]+)'.*$/im,
    cause: 'cause_dpkg_too_old',
    values: (match) => ({ compression: match[1]!.split('.').at(-1)! }),
  },
  {
    pattern: /^.*package architecture \((\S+)\) does not match system \((\S+)\).*$/im,
    cause: 'cause_wrong_arch',
    values: (match) => ({ made_for: match[1]!, this_pc: match[2]! }),
  },
  {
    pattern: /^.*trying to overwrite '([^'\n]+)', which is also in package (\S+).*$/im,
    cause: 'cause_file_taken',
    values: (match) => ({ file: match[1]!, package: match[2]! }),
  },
  {
    pattern:
      /^.*installed (\S+) package (\S+) script subprocess returned error exit status (\d+).*$/im,
    cause: 'cause_script_failed',
    values: (match) => ({ script: match[2]!, package: match[1]!, status: match[3]! }),
  },
  {
    pattern: /^.*new (\S+) package (\S+) script subprocess returned error exit status (\d+).*$/im,
    cause: 'cause_script_failed',
    values: (match) => ({ script: match[2]!, package: match[1]!, status: match[3]! }),
  },
  {
    pattern: /^.*(?:packages were downgraded and -y was used|would be downgraded).*$/im,
    cause: 'cause_newer_installed',
  },
  {
    pattern: /^.*essential packages were removed and -y was used.*$/im,
    cause: 'cause_essential_removed',
  },
  {
    pattern: /^.*packages need to be removed but remove is disabled.*$/im,
    cause: 'cause_others_removed',
  },
  {
    pattern:
      /^.*(?:temporary failure resolving|could not resolve|failed to fetch|unable to fetch some archives).*$/im,
    cause: 'cause_sources_unreachable',
  },
  {
    pattern:
      /^.*(?:unmet dependencies|dependency problems prevent configuration|unable to correct problems).*$/im,
    cause: 'cause_dependencies',
  },
  {
    pattern: /^.*(?:requires superuser privilege|are you root).*$/im,
    cause: 'cause_needs_root',
    reason: 'permission',
  },
]
const RPM: Known[] = [
  {
    pattern: /^.*rpmlib\((\w+)\) .*is needed by.*$/im,
    cause: 'cause_rpm_too_old',
    values: (match) => ({ feature: match[1]! }),
  },
  {
    pattern: /^error: failed dependencies:.*$/im,
    cause: 'cause_rpm_dependencies',
  },
  {
    pattern: /^.*package (\S+) \(which is newer than \S+\) is already installed.*$/im,
    cause: 'cause_newer_package',
    values: (match) => ({ package: match[1]! }),
  },
  {
    pattern: /^.*file \S+ .*conflicts with file from package (\S+).*$/im,
    cause: 'cause_file_conflict',
    values: (match) => ({ package: match[1]! }),
  },
  {
    pattern: /^.*is intended for a different (?:architecture|operating system).*$/im,
    cause: 'cause_other_system',
  },
  {
    pattern: /^.*(?:unknown compression|unsupported payload|cpio: bad magic).*$/im,
    cause: 'cause_rpm_compression',
  },
]
/** rpm continues if a script fails after the files are in place: exit code 0, and a warning. */
const SCRIPTLET =
  /^(?:warning|error): %(\w+)\(([^)\n]*)\) scriptlet failed, (?:exit status|signal) (\d+).*$/im
const MACOS: Known[] = [
  {
    pattern: /^.*another (?:install|installer|installation) .*(?:running|in progress).*$/im,
    cause: 'cause_busy',
    reason: 'retry_later',
  },
]

const CAUSES: Partial<Record<InstallerKind, Known[]>> = {
  deb: [...LOCKS, ...SPACE, ...DEB],
  rpm: [
    ...LOCKS,
    ...SPACE,
    {
      pattern: SCRIPTLET,
      cause: 'cause_rpm_script',
      values: (match) => ({ script: match[1]!, status: match[3]! }),
    },
    ...RPM,
  ],
  pkg: [...SPACE, ...MACOS],
  dmg: [...SPACE, ...MACOS],
  appimage: SPACE,
}

/** The prefixes of error lines. Lines that match `second` only repeat an earlier error. */
type Complaint = { first: RegExp; second?: RegExp; /** The next line explains it. */ isHead?: true }
const WINDOWS_INSTALLER: Complaint = {
  first: /(?:\berror \d{4}\b|-- (?:installation|configuration|removal) failed)/i,
}
const COMPLAINT: Partial<Record<InstallerKind, Complaint>> = {
  deb: {
    first: /^(?:E:|dpkg(?:-\w+)?: error|debconf: .*error|\S+: error:)/i,
    second:
      /sub-process \S{1,200} returned an error code|errors were encountered|error processing/i,
  },
  rpm: { first: /^error: /i, second: /: install failed$|: not installed$/i },
  pkg: { first: /^installer: (?:error|the )/i },
  dmg: { first: /^(?:hdiutil|installer|ditto|rm|mv): /i },
  msi: WINDOWS_INSTALLER,
  msp: WINDOWS_INSTALLER,
  // dism
  msix: { first: /^error: (?:0x[0-9a-f]{1,8}|\d{1,10})$/i, isHead: true },
  appimage: { first: /^(?:install|mkdir|mv|ln|cp|chmod): /i },
}

const plain = (line: string): string =>
  line
    // Terminal colours and similar sequences.
    .replaceAll(/\u001b\[[0-9;?]{0,64}[A-Za-z]/g, '')
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()

function bestLine(kind: InstallerKind, lines: readonly string[]): string | null {
  const known = COMPLAINT[kind]
  // The last line of a script or setup may be anything.
  if (!known) return null
  const { first, second, isHead } = known
  if (isHead) {
    const at = lines.findLastIndex((line) => first.test(line))
    return at < 0 ? null : lines.slice(at, at + 2).join(' ')
  }
  const complaints = lines.filter((line) => first.test(line))
  return complaints.findLast((line) => !second?.test(line)) ?? complaints.at(-1) ?? null
}

/** @param output the end of the tool's output */
export function explainOutput(kind: InstallerKind, output: string): ToolError {
  const lines = output
    .slice(-TEXT_LIMIT)
    .split(/\r?\n/)
    .map((line) => plain(line.slice(0, LINE_READ_LIMIT)))
    .filter((line) => line !== '')
  const text = lines.join('\n')
  for (const { pattern, cause, values, reason } of CAUSES[kind] ?? []) {
    const match = pattern.exec(text)
    if (match)
      return {
        line: match[0].slice(0, LINE_LIMIT),
        cause,
        values: values?.(match) ?? {},
        reason: reason ?? null,
      }
  }
  return {
    line: bestLine(kind, lines)?.slice(0, LINE_LIMIT) ?? null,
    cause: null,
    values: {},
    reason: null,
  }
}

/** As parameters of a text about the failure. */
export const wordsOf = ({ line, cause, values }: ToolError): ToolWords => ({
  ...values,
  cause: cause ?? undefined,
  line: line ?? undefined,
})

/** A failed script of the package, although the tool reports success; null: none failed. */
export function failedScript(kind: InstallerKind, output: string): ToolError | null {
  const match = kind === 'rpm' ? SCRIPTLET.exec(output.slice(-TEXT_LIMIT)) : null
  return match === null ? null : explainOutput('rpm', match[0])
}
