/** A disk that can be filled to the last byte: a separate tmpfs. Needs Linux and root. */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const FILLER = 'filler'
const STEP_BYTES = 4096

export const canMakeDisks = process.platform === 'linux' && process.getuid?.() === 0

export type SmallDisk = ReturnType<typeof makeSmallDisk>

/** @param size as in mount(8): `64m` */
export function makeSmallDisk(size: string) {
  const path = mkdtempSync(join(tmpdir(), 'deployx-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'tmpfs', path])
  const freeBytes = (): number => {
    const { bfree, bsize } = statfsSync(path)
    return bfree * bsize
  }
  return {
    path,
    freeBytes,
    /** Uses all but `leaveBytes` bytes. */
    fill(leaveBytes = 0): void {
      const file = openSync(join(path, FILLER), 'a', 0o600)
      const block = Buffer.alloc(256 * STEP_BYTES, 1)
      try {
        for (let left = freeBytes() - leaveBytes; left > 0; left = freeBytes() - leaveBytes)
          writeSync(file, block, 0, Math.min(block.length, Math.max(left, 1)))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      } finally {
        closeSync(file)
      }
    },
    /** Frees all of it. */
    empty: (): void => rmSync(join(path, FILLER), { force: true }),
    remove(): void {
      execFileSync('umount', ['--lazy', path])
      rmSync(path, { recursive: true, force: true })
    },
  }
}
