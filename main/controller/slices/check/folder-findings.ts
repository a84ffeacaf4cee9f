/** Findings about modes, space, packages and addresses, in words. Pure. */
import type { ExposedEntry } from '../../store/private-folder.ts'
import { SHORT_BYTES } from '../../store/free-space.ts'
import type { Finding } from './finding.ts'
import type { ContentFault } from './read-contents.ts'

const MIB = 1024 * 1024
/** The controller keeps this much free for its database. */
const FULL_BYTES = 64 * MIB
/** Per kind; further ones are counted. */
const MAX_LISTED = 20

/** @param rest the text for those that are not listed */
function listed<T>(items: readonly T[], one: (item: T) => Finding): Finding[] {
  const findings = items.slice(0, MAX_LISTED).map(one)
  const last = findings.at(-1)
  if (last && items.length > MAX_LISTED)
    findings[findings.length - 1] = {
      ...last,
      text: `${last.text} ${items.length - MAX_LISTED} more are similar.`,
    }
  return findings
}

export const exposedFindings = (exposed: readonly ExposedEntry[]): Finding[] => [
  ...listed(
    exposed.filter(({ why }) => why === 'foreign'),
    ({ path }) => ({
      code: 'folder_foreign',
      severity: 'error',
      file: path,
      text: `${path} belongs to another user.`,
      cure: 'Make the user that runs DeployX its owner, or choose another data folder. Otherwise the next start is refused.',
    }),
  ),
  ...listed(
    exposed.filter(({ why }) => why === 'open'),
    ({ path }) => ({
      code: 'folder_open',
      severity: 'warning',
      file: path,
      text: `Other users of this computer can access ${path}.`,
      cure: 'The next start of DeployX restricts it to this user.',
    }),
  ),
]

export function spaceFindings(dataDir: string, freeBytes: number): Finding[] {
  if (freeBytes >= SHORT_BYTES) return []
  const isFull = freeBytes < FULL_BYTES
  return [
    {
      code: isFull ? 'disk_full' : 'disk_low',
      severity: isFull ? 'error' : 'warning',
      file: dataDir,
      text: `The disk of the data folder ${dataDir} has ${Math.floor(freeBytes / MIB)} MiB left.`,
      cure: 'Free some space on it: delete software that is no longer needed, or move other files away.',
    },
  ]
}

const NAMED = {
  missing: 'is missing',
  damaged: 'is damaged',
  unreadable: 'cannot be read',
} as const
const CODES = {
  missing: 'content_missing',
  damaged: 'content_damaged',
  unreadable: 'content_unreadable',
} as const

export function contentFindings(faults: readonly ContentFault[]): Finding[] {
  const named = faults.filter(({ what }) => what !== 'unknown')
  const unknown = faults.filter(({ what }) => what === 'unknown')
  return [
    ...listed(named, ({ file, what, usedBy }): Finding => {
      const kind = what as keyof typeof NAMED
      return {
        code: CODES[kind],
        severity: 'error',
        file,
        text: `The package ${usedBy === null ? '' : `of ${usedBy} `}in ${file} ${NAMED[kind]}.`,
        cure:
          kind === 'unreadable'
            ? 'Check the permissions and the disk, then check again.'
            : 'Upload the same installer again: it replaces the damaged file.',
      }
    }),
    ...listed(unknown, ({ file }) => ({
      code: 'content_unknown',
      severity: 'warning',
      file,
      text: `The database has no entry for the package in ${file}.`,
      cure: 'The next start moves it to content.aside, where it is kept for 30 days.',
    })),
  ]
}

export const asideFindings = (folder: string, files: number): Finding[] =>
  files === 0
    ? []
    : [
        {
          code: 'content_aside',
          severity: 'info',
          file: folder,
          text: `${files} ${files === 1 ? 'package' : 'packages'} without a database entry ${files === 1 ? 'was' : 'were'} moved to ${folder}.`,
          cure: 'If software is missing, upload these files again. Each is removed 30 days after it was moved, by a database that is older than it.',
        },
      ]

/** @param addresses `HOST:PORT` under which agents reach the hub */
export const addressFindings = (addresses: readonly string[]): Finding[] =>
  addresses.some((address) => !/^(127\.|\[?::1\]?|localhost)/.test(address))
    ? []
    : [
        {
          code: 'no_network',
          severity: 'info',
          text: 'This computer has no address on a network, so only agents on itself reach the controller.',
          cure: 'Connect it to the network of the PCs.',
        },
      ]
