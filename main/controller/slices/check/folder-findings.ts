/** Findings about modes, space, packages and addresses, in words. Pure. */
import { coded } from '#shared/domain/coded-texts/codes.ts'
import type { ExposedEntry } from '../../store/private-folder.ts'
import { SHORT_BYTES } from '../../store/free-space.ts'
import { extended, worded, type Finding } from './finding.ts'
import type { ContentFault } from './read-contents.ts'

const MIB = 1024 * 1024
/** The controller keeps this much free for its database. */
const FULL_BYTES = 64 * MIB
/** Per kind; further ones are counted. */
const MAX_LISTED = 20

/** The first findings, and how many similar ones there are. */
export function listed<T>(items: readonly T[], one: (item: T) => Finding): Finding[] {
  const findings = items.slice(0, MAX_LISTED).map(one)
  const last = findings.at(-1)
  if (last && items.length > MAX_LISTED)
    findings[findings.length - 1] = extended(
      last,
      coded('check_more_similar', { n: items.length - MAX_LISTED }),
    )
  return findings
}

export const exposedFindings = (exposed: readonly ExposedEntry[]): Finding[] => [
  ...listed(
    exposed.filter(({ why }) => why === 'foreign'),
    ({ path }) => ({
      code: 'folder_foreign',
      severity: 'error',
      file: path,
      ...worded([coded('check_folder_foreign', { file: path })], [coded('cure_own_folder', {})]),
    }),
  ),
  ...listed(
    exposed.filter(({ why }) => why === 'open'),
    ({ path }) => ({
      code: 'folder_open',
      severity: 'warning',
      file: path,
      ...worded([coded('check_folder_open', { file: path })], [coded('cure_folder_is_closed', {})]),
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
      ...worded(
        [coded('check_disk_left', { file: dataDir, free: Math.floor(freeBytes / MIB) })],
        [coded('cure_free_space', {})],
      ),
    },
  ]
}

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
      const kind = what as keyof typeof CODES
      return {
        code: CODES[kind],
        severity: 'error',
        file,
        ...worded(
          [
            usedBy === null
              ? coded(`check_content_${kind}`, { file })
              : coded(`check_content_${kind}_of`, { file, software: usedBy }),
          ],
          [coded(kind === 'unreadable' ? 'cure_check_permissions' : 'cure_upload_again', {})],
        ),
      }
    }),
    ...listed(unknown, ({ file }) => ({
      code: 'content_unknown',
      severity: 'warning',
      file,
      ...worded([coded('check_content_unknown', { file })], [coded('cure_content_moves', {})]),
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
          ...worded(
            [coded('check_content_aside', { n: files, file: folder })],
            [coded('cure_content_aside', {})],
          ),
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
          ...worded([coded('check_no_network', {})], [coded('cure_connect', {})]),
        },
      ]
