/** The files of the store: put into place, replaced when damaged, removed when unused, compared with the database. */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '#shared/contract/errors.ts'
import type { Sha256 } from '#shared/domain/ids.ts'
import { isoTime, type Clock, type Log, type Now } from '../../base/context.ts'
import type { createAside } from './aside.ts'
import type { ContentRepo } from './content.repo.ts'
import { asDiskError, renameFlushed, syncFolder } from './disk.ts'
import { createFaults } from './faults.ts'

/** Windows' errors if the file to be replaced is open. */
const IN_USE_CODES = new Set(['EPERM', 'EACCES', 'EBUSY'])
const fileInUse = (): AppError => AppError.of('file_being_sent', {})

export type StoredFiles = ReturnType<typeof createStoredFiles>

export function createStoredFiles(deps: {
  /** `DIR/content` */
  root: string
  repo: ContentRepo
  aside: Pick<ReturnType<typeof createAside>, 'set'>
  /** The file was replaced or removed: drop what is kept of it in memory. */
  forgetBlocks: (sha256: Sha256) => void
  now: Now
  clock: Clock
  log: Log
}) {
  const { root, repo, aside } = deps
  /** Contents between their arrival on disk and the commit of their row: never collected. */
  const held = new Map<Sha256, number>()
  async function holding<T>(sha256: Sha256, work: () => Promise<T>): Promise<T> {
    held.set(sha256, (held.get(sha256) ?? 0) + 1)
    try {
      return await work()
    } finally {
      const left = held.get(sha256)! - 1
      if (left > 0) held.set(sha256, left)
      else held.delete(sha256)
    }
  }

  const folderOf = (sha256: string): string => join(root, sha256.slice(0, 2))
  const pathOf = (sha256: string): string => join(folderOf(sha256), sha256)
  /** Contents with a row whose file is missing, as after a restore, or damaged. */
  const faults = createFaults({
    pathOf,
    stored: (sha256) => repo.stored(sha256),
    remember: (sha256) => repo.setDamaged(sha256, isoTime(deps.now())),
    clock: deps.clock,
    log: deps.log,
  })

  /**
   * A download that started before reads the replaced file to its end; no other uses its blocks.
   */
  function replaced(sha256: Sha256): void {
    faults.replaced(sha256)
    deps.forgetBlocks(sha256)
  }

  /**
   * Moves the file into place and flushes it. Replaces an existing file: these bytes were hashed as
   * they arrived, the others may be damaged.
   */
  async function place(path: string, sha256: Sha256): Promise<void> {
    await mkdir(folderOf(sha256), { recursive: true, mode: 0o700 })
    try {
      await renameFlushed(path, pathOf(sha256))
    } catch (error) {
      // Windows cannot replace a file that is being read. It may stay if it contains exactly these
      // bytes.
      if (!IN_USE_CODES.has((error as NodeJS.ErrnoException).code ?? '')) throw asDiskError(error)
      if ((await faults.check(sha256)) !== null || !existsSync(pathOf(sha256))) throw fileInUse()
      return void (await rm(path, { force: true }))
    }
    replaced(sha256)
    await syncFolder(folderOf(sha256))
    await syncFolder(root)
  }

  async function heal(path: string, sha256: Sha256): Promise<void> {
    await holding(sha256, async () => {
      await place(path, sha256)
      repo.setDamaged(sha256, null)
    }).catch((error: unknown) =>
      deps.log.error({ err: error, sha256 }, 'a stored file could not be replaced'),
    )
  }

  /**
   * Synchronous, so that nothing can start to use the content between the check and the removal.
   */
  function removeIfUnused(sha256: Sha256): boolean {
    if (held.has(sha256) || repo.isUsed(sha256)) return false
    repo.remove(sha256)
    rmSync(pathOf(sha256), { force: true })
    replaced(sha256)
    return true
  }

  function collectGarbage(): number {
    return repo.unused().filter(removeIfUnused).length
  }

  function setAside(files: { path: string; name: string }[]): void {
    if (files.length === 0) return
    try {
      const folder = aside.set(files)
      deps.log.warn(
        { files: files.length, folder },
        'packages without a database entry were moved aside',
      )
    } catch (err) {
      // A full disk: they stay where they are, do no harm, and the next start tries again.
      deps.log.error({ err }, 'packages without a database entry could not be moved aside')
    }
  }

  /** Records the fault that the file's directory entry shows. False: none. */
  function noteFault(sha256: Sha256, sizeBytes: number): boolean {
    const found = statSync(pathOf(sha256), { throwIfNoEntry: false })
    if (found?.size === sizeBytes) return false
    faults.set(sha256, found ? 'damaged' : 'missing')
    return true
  }
  /** A download could not be served: if the file is the cause, no other PC is sent for it. */
  function lookAt(sha256: Sha256, sizeBytes: number): void {
    if (!noteFault(sha256, sizeBytes)) void faults.check(sha256)
  }

  /** At start: moves files without a row aside, and reports rows without a file. */
  function compareWithDisk(): void {
    const rows = repo.all()
    const known = new Set<string>(rows.map((row) => row.sha256))
    const unknown: { path: string; name: string }[] = []
    for (const folder of readdirSync(root, { withFileTypes: true })) {
      if (!folder.isDirectory() || !/^[0-9a-f]{2}$/.test(folder.name)) continue
      for (const name of readdirSync(join(root, folder.name)))
        if (!known.has(name)) unknown.push({ path: join(root, folder.name, name), name })
    }
    setAside(unknown)
    for (const { sha256, size_bytes, damaged_at } of rows)
      if (damaged_at !== null) faults.set(sha256, 'damaged')
      else noteFault(sha256, size_bytes)
  }

  return {
    pathOf,
    faults,
    holding,
    place,
    heal,
    removeIfUnused,
    collectGarbage,
    lookAt,
    compareWithDisk,
  }
}
