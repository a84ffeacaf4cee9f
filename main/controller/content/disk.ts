/** The few things the content store asks of the file system, and what its refusals mean. */
import { open, rename, statfs } from 'node:fs/promises'
import { AppError } from '#shared/contract/errors.ts'

const FULL_CODES = new Set(['ENOSPC', 'EDQUOT'])

/** What a failed write means to people; anything unexpected is passed on as it is. */
export function asDiskError(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code ?? ''
  if (FULL_CODES.has(code)) return diskFull(error)
  if (code === 'EFBIG')
    return new AppError(
      'E_TOO_LARGE',
      'The disk of the data folder cannot hold a file of this size (its file system has a limit).',
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

/** Bytes an unprivileged user may still write in this folder's file system. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** The rename of a file whose bytes are on disk; the caller flushes the folders, which are shared by many files. */
export const renameFlushed = (from: string, to: string): Promise<void> => rename(from, to)

/** Makes a rename in this folder survive a power cut. Windows cannot open folders and needs it not. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
