/**
 * Archives with an entry command: extracted into the attempt's own folder, then handled like the file that is
 * run.
 */
import { coded } from '#shared/domain/coded-texts/codes.ts'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { DeployPayload } from '#shared/contract/agent/link.ts'
import { quoted } from '#shared/domain/archive-rule.ts'
import { isArchiveKind, kindOfEntry } from '#shared/domain/archives.ts'
import { devicePlatform } from '../facts/facts.ts'
import type { Job } from '../install/installers.ts'
import { errorCode, errorText } from '../lib/atomic-file.ts'
import { createTarget, ArchiveError, refused } from './target.ts'
import { extractTar } from './tar.ts'
import { extractZip } from './zip.ts'

export { ArchiveError } from './target.ts'

/** Short, because Windows programs accept paths of at most 260 characters. */
const FOLDER_PREFIX = 'x-'

/** The file in an archive that a command runs; null if it runs none. */
export const entryOf = ({ archive, action }: DeployPayload): string | null =>
  archive === null ? null : action === 'install' ? archive.entry : archive.uninstall_entry

/**
 * The payload that is actually run. For an archive, its kind is that of the file that runs; for an uninstall
 * without such a file, the package that the detection rule names. Everything else is unchanged.
 */
export function asRun(payload: DeployPayload): DeployPayload {
  if (!isArchiveKind(payload.kind)) return payload
  const entry = entryOf(payload)
  if (entry !== null) {
    const kind = kindOfEntry(entry, devicePlatform()) ?? payload.kind
    const isInstall = payload.action === 'install'
    return {
      ...payload,
      kind,
      file_name: entry.split('/').at(-1)!,
      // They are the arguments of the entry, not of the uninstaller.
      argv: isInstall ? payload.argv : [],
      verbatim: isInstall && payload.verbatim,
    }
  }
  const type = payload.detection?.type
  const kind = type === 'dpkg' ? 'deb' : type === 'rpm' ? 'rpm' : payload.kind
  return { ...payload, kind, argv: [], verbatim: false }
}

/** Removes what earlier attempts have extracted. */
export async function removeExtracted(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => []))
    if (name.startsWith(FOLDER_PREFIX))
      await rm(join(folder, name), { recursive: true, force: true, maxRetries: 3 })
}

/**
 * Extracts the archive of a job into a new folder of the attempt. @param job its `packageFile` is the archive
 * @returns the job with the entry as its package, run in the entry's folder @throws ArchiveError, the
 * signal's reason
 */
export async function extractJob(
  payload: DeployPayload,
  job: Job,
  signal: AbortSignal,
): Promise<Job> {
  const entry = entryOf(payload)
  if (payload.archive === null || entry === null || job.packageFile === null)
    throw refused({ problem: 'archive_entry_unnamed' })
  const into = await mkdtemp(join(job.folder, FOLDER_PREFIX))
  try {
    const target = createTarget(into, payload.archive.expanded_bytes, signal)
    if (payload.kind === 'zip') await extractZip(job.packageFile, target)
    else await extractTar(job.packageFile, target, signal)
    await target.finish()
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof ArchiveError) throw error
    const isFull = ['ENOSPC', 'EDQUOT'].includes(errorCode(error))
    throw new ArchiveError(
      isFull ? 'disk_space' : 'install_failed',
      isFull
        ? coded('archive_disk_full', {})
        : coded('archive_unreadable', { error: errorText(error) }),
    )
  }
  const packageFile = join(into, ...entry.split('/'))
  const found = await stat(packageFile).catch(() => null)
  if (!found?.isFile()) throw refused({ problem: 'archive_entry_missing', name: quoted(entry) })
  return { ...job, packageFile, cwd: dirname(packageFile) }
}
