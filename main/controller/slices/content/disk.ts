/** The file system operations of the content store, and what their errors mean. */
import { open, rename, statfs } from 'node:fs/promises'
import { AppError } from '#shared/contract/errors.ts'

const FULL_CODES = new Set(['ENOSPC', 'EDQUOT'])

/** Explains a failed write to users; passes on anything unexpected unchanged. */
export function asDiskError(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code ?? ''
  if (FULL_CODES.has(code)) return diskFull(error)
  if (code === 'EFBIG')
    return new AppError(
      'E_TOO_LARGE',
      'The file system of the data folder does not support files of this size.',
      [],
      { cause: error },
    )
  return error
}

export const diskFull = (cause?: unknown): AppError =>
  new AppError(
    'E_DISK_FULL',
    'The disk that holds the data folder is full. Free some space on it, then try again.',
    [],
    { cause },
  )

/** Bytes that an unprivileged user may still write in this folder's file system. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/**
 * Renames a file whose bytes are flushed; the caller flushes the folders, which many files share.
 */
export const renameFlushed = (from: string, to: string): Promise<void> => rename(from, to)

/**
 * Makes a rename in this folder survive a power cut. Windows cannot open folders and does not need
 * this.
 */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
