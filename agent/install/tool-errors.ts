/**
 * Explains the output of a failed tool: its most useful line, and for known causes, what they are and what
 * helps. Pure. The tools run in English (environment.ts).
 */
import type { InstallerKind } from '#shared/domain/platforms.ts'
import type { TargetReason } from '#shared/domain/reasons.ts'

export type ToolError = {
  /** A line of the tool's output; null if no line is useful. */
  line: string | null
  /** Sentences: what it means, and what helps. */
  cause: string | null
  /** Set if the cause is one of these reasons. */
  reason: Extract<TargetReason, 'retry_later' | 'disk_space' | 'permission'> | null
}

const LINE_LIMIT = 300
/** Limit per line, so that no pattern takes long. */
const LINE_READ_LIMIT = 1_000
/** Only the end is read: that is where tools report why they give up. */
const TEXT_LIMIT = 64 * 1024

type Cause = {
  pattern: RegExp
  /** May add text from the match. */
  text: string | ((match: RegExpExecArray) => string)
  reason?: ToolError['reason']
}

const BUSY =
  'Another program is installing or removing software on this PC, and did not finish in time.'
const LOCKS: Cause[] = [
  {
    pattern: /^.*(?:could not get lock|unable to (?:acquire|lock) .*\/var\/(?:lib|cache)\/).*$/im,
    text: BUSY,
    reason: 'retry_later',
  },
  {
    pattern: /^dpkg: error:.*lock(?:ed)? .*(?:by another process|resource temporarily).*$/im,
    text: BUSY,
    reason: 'retry_later',
  },
  {
    pattern: /^debconf: .*is locked by another process.*$/im,
    text: BUSY,
    reason: 'retry_later',
  },
  {
    pattern:
      /^.*(?:can't create transaction lock|database is locked|cannot get (?:exclusive|shared) lock).*$/im,
    text: BUSY,
    reason: 'retry_later',
  },
]
const SPACE: Cause[] = [
  {
    pattern:
      /^.*(?:no space left on device|disk quota exceeded|don't have enough free space in|installing package \S+ needs \S+ .*on the \S+ filesystem).*$/im,
    text: 'A disk of this PC is full. Make room on it, then retry.',
    reason: 'disk_space',
  },
  {
    pattern: /^.*read-only file system.*$/im,
    text: 'A folder that it has to write to is mounted read-only.',
  },
]
const DEB: Cause[] = [
  {
    pattern: /^.*(?:held packages were changed|packages? .* (?:is|are) (?:on hold|held back)).*$/im,
    text: 'The package is on hold on this PC. Release it with `apt-mark unhold`, then retry.',
  },
  {
    pattern: /^.*dpkg was interrupted.*$/im,
    text: 'An earlier installation was interrupted on this PC. Run `dpkg --configure -a` there, then retry.',
  },
  {
    pattern: /^.*uses unknown compression for member '([^'\n]+)'.*$/im,
    text: (match) =>
      `The dpkg of this PC is too old for the compression of this package (${match[1]!.split('.').at(-1)}). Use a package made for its release, or one that is compressed with xz.`,
  },
  {
    pattern: /^.*package architecture \((\S+)\) does not match system \((\S+)\).*$/im,
    text: (match) => `The package is made for ${match[1]}, and this PC is ${match[2]}.`,
  },
  {
    pattern: /^.*trying to overwrite '([^'\n]+)', which is also in package (\S+).*$/im,
    text: (match) => `The file ${match[1]} belongs to the installed package ${match[2]}.`,
  },
  {
    pattern:
      /^.*installed (\S+) package (\S+) script subprocess returned error exit status (\d+).*$/im,
    text: (match) => `The ${match[2]} script of ${match[1]} failed with exit status ${match[3]}.`,
  },
  {
    pattern: /^.*new (\S+) package (\S+) script subprocess returned error exit status (\d+).*$/im,
    text: (match) => `The ${match[2]} script of ${match[1]} failed with exit status ${match[3]}.`,
  },
  {
    pattern: /^.*(?:packages were downgraded and -y was used|would be downgraded).*$/im,
    text: 'A newer version is installed on this PC.',
  },
  {
    pattern: /^.*essential packages were removed and -y was used.*$/im,
    text: 'It would remove packages that the system cannot do without.',
  },
  {
    pattern: /^.*packages need to be removed but remove is disabled.*$/im,
    text: 'It would remove other software from this PC, which this deployment does not allow.',
  },
  {
    pattern:
      /^.*(?:temporary failure resolving|could not resolve|failed to fetch|unable to fetch some archives).*$/im,
    text: 'Packages that it needs could not be fetched: this PC does not reach its package sources.',
  },
  {
    pattern:
      /^.*(?:unmet dependencies|dependency problems prevent configuration|unable to correct problems).*$/im,
    text: 'Packages that it needs are missing on this PC, or have another version.',
  },
  {
    pattern: /^.*(?:requires superuser privilege|are you root).*$/im,
    text: 'It needs root.',
    reason: 'permission',
  },
]
const RPM: Cause[] = [
  {
    pattern: /^.*rpmlib\((\w+)\) .*is needed by.*$/im,
    text: (match) => `The rpm of this PC is too old for this package: it lacks ${match[1]}.`,
  },
  {
    pattern: /^error: failed dependencies:.*$/im,
    text: 'Packages are missing on this PC, or are needed by others.',
  },
  {
    pattern: /^.*package (\S+) \(which is newer than \S+\) is already installed.*$/im,
    text: (match) => `A newer version is installed on this PC: ${match[1]}.`,
  },
  {
    pattern: /^.*file \S+ .*conflicts with file from package (\S+).*$/im,
    text: (match) => `A file of it belongs to the installed package ${match[1]}.`,
  },
  {
    pattern: /^.*is intended for a different (?:architecture|operating system).*$/im,
    text: 'The package is made for another kind of PC.',
  },
  {
    pattern: /^.*(?:unknown compression|unsupported payload|cpio: bad magic).*$/im,
    text: 'The rpm of this PC does not know the compression of this package.',
  },
]
/** rpm continues if a script fails after the files are in place: exit code 0, and a warning. */
const SCRIPTLET =
  /^(?:warning|error): %(\w+)\(([^)\n]*)\) scriptlet failed, (?:exit status|signal) (\d+).*$/im
const MACOS: Cause[] = [
  {
    pattern: /^.*another (?:install|installer|installation) .*(?:running|in progress).*$/im,
    text: BUSY,
    reason: 'retry_later',
  },
]

const CAUSES: Partial<Record<InstallerKind, Cause[]>> = {
  deb: [...LOCKS, ...SPACE, ...DEB],
  rpm: [
    ...LOCKS,
    ...SPACE,
    {
      pattern: SCRIPTLET,
      text: (match) => `A script of the package failed (%${match[1]}, status ${match[3]}).`,
    },
    ...RPM,
  ],
  pkg: [...SPACE, ...MACOS],
  dmg: [...SPACE, ...MACOS],
}

/** The prefixes of error lines. Lines that match `second` only repeat an earlier error. */
const COMPLAINT: Partial<Record<InstallerKind, { first: RegExp; second?: RegExp }>> = {
  deb: {
    first: /^(?:E:|dpkg(?:-\w+)?: error|debconf: .*error|\S+: error:)/i,
    second:
      /sub-process \S{1,200} returned an error code|errors were encountered|error processing/i,
  },
  rpm: { first: /^error: /i, second: /: install failed$|: not installed$/i },
  pkg: { first: /^installer: (?:error|the )/i },
  dmg: { first: /^(?:hdiutil|installer|ditto|rm|mv): /i },
  msi: { first: /(?:\berror \d{4}\b|-- (?:installation|configuration|removal) failed)/i },
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
  const complaints = lines.filter((line) => known.first.test(line))
  const { second } = known
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
  for (const { pattern, text: words, reason } of CAUSES[kind] ?? []) {
    const match = pattern.exec(text)
    if (match)
      return {
        line: match[0].slice(0, LINE_LIMIT),
        cause: typeof words === 'string' ? words : words(match),
        reason: reason ?? null,
      }
  }
  return {
    line: bestLine(kind, lines)?.slice(0, LINE_LIMIT) ?? null,
    cause: null,
    reason: null,
  }
}

/** As sentences to append to the agent's description of a failure; '' if there is nothing to add. */
export function asSentences({ line, cause }: Pick<ToolError, 'line' | 'cause'>): string {
  const quote = line === null ? null : `It said: “${line}”.`
  return [cause, quote].filter((part) => part !== null).join(' ')
}

/** A failed script of the package, although the tool reports success; null: none failed. */
export function failedScript(kind: InstallerKind, output: string): ToolError | null {
  const match = kind === 'rpm' ? SCRIPTLET.exec(output.slice(-TEXT_LIMIT)) : null
  return match === null ? null : explainOutput('rpm', match[0])
}
