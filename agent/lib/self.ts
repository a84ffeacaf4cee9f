/** How to start this program again: from the sources, from a bundle, or as a single executable. */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { resolve } from 'node:path'

export type SelfCommand = { file: string; args: string[] }

const BUFFER_BYTES = 1024 * 1024

/** In a single executable there is no script, and argv[1] is the executable as it was invoked. */
export function isSingleExecutable(): boolean {
  const sea = process.getBuiltinModule?.('node:sea') as { isSea: () => boolean } | undefined
  return sea?.isSea() ?? false
}

/**
 * The kernel's own reference to the executable of the current process, even if its path now leads to another
 * file.
 */
const OWN_IMAGE = '/proc/self/exe'

export function selfCommand(): SelfCommand {
  if (isSingleExecutable())
    return { file: process.platform === 'linux' ? OWN_IMAGE : process.execPath, args: [] }
  return { file: process.execPath, args: [...process.execArgv, resolve(process.argv[1] ?? '')] }
}

/** An open executable: it stays the same file, whatever its path leads to later. */
export type OpenExecutable = {
  /** Whether the file at that path is this one. */
  isAt: (path: string) => boolean
  /** Writes a copy to a path that must not exist, flushed to disk. */
  copyTo: (path: string) => void
  close: () => void
}

/** @param path for tests; defaults to the running program, on Linux by the kernel's own reference to it */
export function openSelf(
  path = process.platform === 'linux' ? OWN_IMAGE : process.execPath,
): OpenExecutable {
  const fd = openSync(path, 'r')
  return {
    isAt(other) {
      const named = statSync(other, { bigint: true, throwIfNoEntry: false })
      const here = fstatSync(fd, { bigint: true })
      return named?.dev === here.dev && named.ino === here.ino
    },
    copyTo(other) {
      rmSync(other, { force: true })
      const to = openSync(other, 'wx', 0o700)
      try {
        const buffer = Buffer.allocUnsafe(BUFFER_BYTES)
        for (let at = 0; ;) {
          const bytes = readSync(fd, buffer, 0, BUFFER_BYTES, at)
          if (bytes === 0) break
          for (let written = 0; written < bytes;)
            written += writeSync(to, buffer, written, bytes - written)
          at += bytes
        }
        fsyncSync(to)
      } finally {
        closeSync(to)
      }
    },
    close: () => closeSync(fd),
  }
}
