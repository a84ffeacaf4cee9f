/**
 * An installer in an archive is read by the same readers as one that was uploaded by itself, if it is small enough to unpack in
 * memory.
 */
import { AppError } from '#shared/contract/errors.ts'
import { isArchiveKind } from '#shared/domain/archives.ts'
import { kindOfFileName, type InstallerKind } from '#shared/domain/platforms.ts'
import type { ArchiveFacts, PackageFacts } from '../facts.ts'
import type { Window } from './window.ts'
import { tarFile } from './tar.ts'
import { zipFiles } from './zip.ts'

const FILE_LIMIT_BYTES = 32 * 1024 * 1024
/** With less time left for optional work, the installer stays unread. */
const MIN_TIME_MS = 1_500

/** Bytes in memory as a file. What its reader allocates counts against the limits of the archive, `whole`. */
const memoryWindow = (bytes: Buffer, whole: Window): Window => ({
  path: whole.path,
  sizeBytes: bytes.length,
  fill: (target, position) =>
    Number.isSafeInteger(position) && position >= 0 ? bytes.copy(target, 0, position) : 0,
  read: (position, length) => {
    const isInRange = Number.isSafeInteger(position) && position >= 0 && length > 0
    return isInRange ? bytes.subarray(position, position + length) : Buffer.alloc(0)
  },
  spend: whole.spend,
  progressed: whole.progressed,
  leftMs: whole.leftMs,
  usedMiB: whole.usedMiB,
  close: () => undefined,
})

/** The file that is run: the one that the caller asks about, or else the only one that can be run. Null: none, or an archive. */
function entryOf({ asked, choices }: ArchiveFacts): { path: string; kind: InstallerKind } | null {
  const [path] = asked[0]?.exists ? [asked[0].path] : choices.length === 1 ? choices : []
  const kind = path === undefined ? null : kindOfFileName(path)
  return path === undefined || kind === null || isArchiveKind(kind) ? null : { path, kind }
}

/**
 * What the installer in the archive says about itself. Without facts if it is not read or not readable, because it may still run.
 * @param read chooses a reader by the kind, after a check of the first bytes
 */
export async function readWithin(
  window: Window,
  archive: { kind: 'zip' | 'tar'; facts: ArchiveFacts },
  read: (window: Window, file: { fileName: string; kind: InstallerKind }) => Promise<PackageFacts>,
): Promise<Partial<PackageFacts>> {
  const entry = entryOf(archive.facts)
  if (!entry || window.leftMs() < MIN_TIME_MS) return {}
  try {
    const bytes =
      archive.kind === 'tar'
        ? await tarFile(window, entry.path, FILE_LIMIT_BYTES)
        : (await zipFiles(window, (name) => name === entry.path, FILE_LIMIT_BYTES)).get(entry.path)
    if (!bytes) return {}
    const fileName = entry.path.split('/').at(-1)!
    const { knowledge, ...facts } = await read(memoryWindow(bytes, window), {
      fileName,
      kind: entry.kind,
    })
    if (!knowledge) return {}
    const { name, version, publisher, arch, archWord, detection, technology } = facts
    return {
      ...(knowledge.facts.name ? { name } : {}),
      ...(arch === null ? {} : { arch, archWord }),
      ...{ version, publisher, detection, knowledge },
      ...(technology === undefined ? {} : { technology }),
    }
  } catch (error) {
    if (error instanceof AppError) return {}
    throw error
  }
}
