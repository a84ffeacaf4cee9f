/**
 * Files that are complete or absent, even after a power cut. Every important file is written,
 * renamed and copied here; the linter refuses a bare rename elsewhere.
 */
import { randomBytes } from 'node:crypto'
import * as nodeFs from 'node:fs'
import { dirname } from 'node:path'

/** The file system functions that are used. Tests record the calls. */
export type DurableFs = Pick<
  typeof nodeFs,
  | 'openSync'
  | 'writeFileSync'
  | 'fsyncSync'
  | 'closeSync'
  | 'renameSync'
  | 'rmSync'
  | 'copyFileSync'
  | 'chmodSync'
  | 'mkdirSync'
>

const PRIVATE_FILE = 0o600
const PRIVATE_FOLDER = 0o700

export function createDurableFiles(fs: DurableFs, platform: NodeJS.Platform = process.platform) {
  function syncPath(path: string, flags: 'r' | 'r+'): void {
    const fd = fs.openSync(path, flags)
    try {
      fs.fsyncSync(fd)
    } finally {
      fs.closeSync(fd)
    }
  }

  /**
   * Flushes the entries of this folder. Windows cannot open folders; NTFS journals them itself.
   */
  function syncFolder(folder: string): void {
    if (platform !== 'win32') syncPath(folder, 'r')
  }

  /** Renames a file or folder; when this returns, the new name is on disk. Both must be on one file system. */
  function renameDurably(from: string, to: string): void {
    fs.renameSync(from, to)
    syncFolder(dirname(to))
    if (dirname(from) !== dirname(to)) syncFolder(dirname(from))
  }

  /** Moves a finished temporary file into place, or removes it. */
  function place(temporary: string, file: string, fill: () => void): void {
    try {
      fill()
      fs.renameSync(temporary, file)
    } catch (error) {
      fs.rmSync(temporary, { force: true })
      throw error
    }
    syncFolder(dirname(file))
  }

  const temporaryFor = (file: string): string => `${file}.${randomBytes(6).toString('hex')}.tmp`

  return {
    syncFolder,
    renameDurably,

    /** Replaces `file`. When this returns, the content is on disk. Throws the file system's error. */
    writeDurably: (file: string, content: string | Uint8Array, mode = PRIVATE_FILE): void => {
      const temporary = temporaryFor(file)
      place(temporary, file, () => {
        const fd = fs.openSync(temporary, 'wx', mode)
        try {
          fs.writeFileSync(fd, content)
          fs.fsyncSync(fd)
        } finally {
          fs.closeSync(fd)
        }
      })
    },

    /**
     * Copies `from` to `to`, readable only by this user. When this returns, the copy is on disk.
     */
    copyDurably: (from: string, to: string): void => {
      const temporary = temporaryFor(to)
      place(temporary, to, () => {
        // Created first, so that it is private before it contains the first byte.
        fs.closeSync(fs.openSync(temporary, 'wx', PRIVATE_FILE))
        fs.copyFileSync(from, temporary)
        // A copy takes over the mode of its source.
        fs.chmodSync(temporary, PRIVATE_FILE)
        syncPath(temporary, 'r+')
      })
    },

    /**
     * Creates one folder, private to this user; its parent must exist. An existing folder is
     * unchanged.
     */
    makeFolderDurably: (folder: string): void => {
      fs.mkdirSync(folder, { recursive: true, mode: PRIVATE_FOLDER })
      syncFolder(dirname(folder))
    },
  }
}

export const { syncFolder, renameDurably, writeDurably, copyDurably, makeFolderDurably } =
  createDurableFiles(nodeFs)

/** Renames without flushing, for files that may be lost, such as rotated logs. */
export const renameUnsynced = (from: string, to: string): void => nodeFs.renameSync(from, to)
