/**
 * Who else could replace a file, or a folder above it. A program that root or SYSTEM runs must not be in a
 * place where other users may write: they could replace it after the check.
 */
import { lstatSync, realpathSync, type Stats } from 'node:fs'
import { dirname, win32 } from 'node:path'
import { coded, type CodedText } from '#shared/domain/coded-texts/codes.ts'
import { errorText } from './atomic-file.ts'

type Weakness = Extract<CodedText, { code: 'place_writable' | 'place_unknown' }>

const GROUP_AND_OTHERS_WRITE = 0o022
const STICKY = 0o1000

/** This user and root are trusted; root can do anything anyway. */
const isForeign = (stat: Stats, me: number): boolean => stat.uid !== me && stat.uid !== 0

const writable = (path: string): Weakness => coded('place_writable', { path })

/**
 * @param path an existing file or folder @param me the user to check for; not used on Windows, see
 * isAdministratorsPlace @returns the weak place, or null. What cannot be examined counts as weak
 */
export function writableByOthers(path: string, me = process.getuid?.()): Weakness | null {
  if (me === undefined) return null
  try {
    return weakPlace(path, me)
  } catch (error) {
    return coded('place_unknown', { path, error: errorText(error).slice(0, 200) })
  }
}

function weakPlace(path: string, me: number): Weakness | null {
  const real = realpathSync(path)
  let stat = lstatSync(real)
  if (isForeign(stat, me) || (stat.mode & GROUP_AND_OTHERS_WRITE) !== 0) return writable(real)
  const isFile = stat.isFile()
  for (let folder = dirname(real), at = 0; ; folder = dirname(folder), at++) {
    stat = lstatSync(folder)
    // In a sticky folder (/tmp) nobody can rename another user's files; but a program may load files next to
    // it.
    const isSticky = (stat.mode & STICKY) !== 0 && !(isFile && at === 0)
    if (isForeign(stat, me)) return writable(folder)
    if ((stat.mode & GROUP_AND_OTHERS_WRITE) !== 0 && !isSticky) return writable(folder)
    if (folder === dirname(folder)) return null
  }
}

/**
 * Windows: whether only administrators may write there by Windows' default permissions, as below Program
 * Files. Does not detect a folder whose permissions were changed.
 */
export function isAdministratorsPlace(path: string, env: NodeJS.ProcessEnv): boolean {
  const roots = [env['ProgramW6432'], env['ProgramFiles'], env['ProgramFiles(x86)']]
  const isBelow = (root: string | undefined): boolean => {
    if (!root) return false
    const way = win32.relative(root, path)
    return way !== '' && !way.startsWith('..') && !win32.isAbsolute(way)
  }
  return roots.some(isBelow)
}
