/**
 * The folder that an archive is extracted into. Nothing may end up outside: names are checked, files are only
 * ever created, never overwritten, and links are made last, so that nothing is written through one.
 */
import { coded, type ArchiveProblem, type CodedText } from '#shared/domain/coded-texts/codes.ts'
import { compose } from '#shared/domain/coded-texts/compose.ts'
import { createWriteStream } from 'node:fs'
import { chmod, link, mkdir, realpath, rm, symlink } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { Transform, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createArchiveRule, quoted, type ArchiveItem } from '#shared/domain/archive-rule.ts'
import { safeArchivePath } from '#shared/domain/archives.ts'
import type { FailureReason } from '#shared/domain/reasons.ts'
import { devicePlatform } from '../facts/facts.ts'
import { errorCode } from '../lib/atomic-file.ts'

/** The archive cannot be extracted. */
export class ArchiveError extends Error {
  readonly reason: FailureReason
  readonly text: CodedText
  constructor(reason: FailureReason, text: CodedText) {
    super(compose(text))
    this.name = 'ArchiveError'
    this.text = text
    this.reason = reason
  }
}
export const refused = (problem: ArchiveProblem): ArchiveError =>
  new ArchiveError('install_failed', coded('archive_refused', problem))

/** Programs by their first bytes: a script, ELF, the variants of Mach-O. */
const PROGRAM_MAGIC = ['2321', '7f454c46', 'cffaedfe', 'cafebabe']
const MAGIC_BYTES = 4

/**
 * The mode of an extracted file: without setuid, setgid, sticky bit and write permission for others, and
 * always accessible to its owner. @param mode null or 0 if the archive has none
 */
export function fileMode(mode: number | null, first: Buffer): number {
  if (mode !== null && (mode & 0o777) !== 0) return (mode & 0o775) | 0o600
  const magic = first.toString('hex')
  return PROGRAM_MAGIC.some((known) => magic.startsWith(known)) ? 0o755 : 0o644
}
export const folderMode = (mode: number | null): number =>
  mode !== null && (mode & 0o777) !== 0 ? (mode & 0o775) | 0o700 : 0o755

export type Target = ReturnType<typeof createTarget>

/** The check compares names by the rules of the platform; the file system may differ. */
function asRefusal(error: unknown): unknown {
  const isTaken = ['EEXIST', 'ENOTDIR', 'EISDIR'].includes(errorCode(error))
  return isTaken ? refused({ problem: 'archive_name_taken' }) : error
}
const inWords = (error: unknown): never => {
  throw asRefusal(error)
}

/** @param into an empty folder @param limitBytes limit for all files together */
export function createTarget(into: string, limitBytes: number, signal: AbortSignal) {
  const rule = createArchiveRule(devicePlatform())
  let bytes = 0
  const made = new Set<string>()
  /** Modes of folders in the archive, set after all their files were written. */
  const folderModes = new Map<string, number>()
  const links: { path: string; target: string }[] = []

  /** A checked path; '' for the archive's own folder. */
  function take(item: ArchiveItem): string {
    signal.throwIfAborted()
    const { path, problem } = rule.add(item)
    if (problem !== undefined) throw refused(problem)
    return path
  }
  const placeOf = (path: string): string => join(into, ...path.split('/'))
  /**
   * Creates the folder and its parents. Sets the mode explicitly instead of using the agent's umask, because
   * installers copy files for all users.
   */
  async function makeFolder(path: string): Promise<void> {
    if (made.has(path)) return
    if (path !== into) await makeFolder(dirname(path))
    await mkdir(path, { recursive: true, mode: 0o700 }).catch(inWords)
    await chmod(path, folderMode(null))
    made.add(path)
  }
  /** Counts the extracted bytes, whatever the archive declared. */
  const counter = (onFirst: (first: Buffer) => void): Transform => {
    let first = Buffer.alloc(0)
    return new Transform({
      transform(chunk: Buffer, _encoding, done) {
        if (first.length < MAGIC_BYTES) {
          first = Buffer.concat([first, chunk.subarray(0, MAGIC_BYTES - first.length)])
          onFirst(first)
        }
        bytes += chunk.length
        if (bytes > limitBytes) done(refused({ problem: 'archive_longer' }))
        else done(null, chunk)
      },
    })
  }

  return {
    /** @param mode as in the archive, or null */
    async folder(name: string, mode: number | null): Promise<void> {
      const path = take({ name, type: 'folder' })
      if (path === '') return
      await makeFolder(placeOf(path))
      folderModes.set(placeOf(path), folderMode(mode))
    },
    /** @param mode as in the archive, or null; see fileMode */
    async file(name: string, mode: number | null, content: Readable): Promise<void> {
      const path = take({ name, type: 'file' })
      await makeFolder(dirname(placeOf(path)))
      const out = createWriteStream(placeOf(path), { flags: 'wx', mode: 0o600 })
      let first: Buffer = Buffer.alloc(0)
      const counting = counter((bytesSoFar) => (first = bytesSoFar))
      try {
        await pipeline(content, counting, out, { signal })
        await chmod(placeOf(path), fileMode(mode, first))
      } catch (error) {
        throw asRefusal(error)
      }
    },
    /** A symbolic link, created after everything else. */
    link(name: string, target: string): void {
      links.push({ path: take({ name, type: 'link', target }), target })
    },
    /** A second name for a file that was extracted earlier. */
    async hardLink(name: string, target: string): Promise<void> {
      const path = take({ name, type: 'hardlink', target })
      const of = safeArchivePath(target) ?? ''
      await makeFolder(dirname(placeOf(path)))
      await link(placeOf(of), placeOf(path)).catch(inWords)
    },
    /** Creates the links, and checks where each one really points. */
    async finish(): Promise<void> {
      await makeFolder(into)
      for (const [path, mode] of folderModes) await chmod(path, mode)
      for (const { path, target } of links) {
        await makeFolder(dirname(placeOf(path)))
        await symlink(target, placeOf(path)).catch(inWords)
      }
      const root = await realpath(into)
      for (const { path } of links) {
        // Through another link it may point elsewhere than its text says. A dangling link is harmless.
        const real = await realpath(placeOf(path)).catch(() => root)
        if (real !== root && relative(root, real).split(sep)[0] === '..') {
          await rm(placeOf(path), { force: true })
          throw refused({ problem: 'archive_link_outside', name: quoted(path) })
        }
      }
    },
  }
}
