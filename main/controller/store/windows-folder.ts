/**
 * Restricts a folder on Windows to its user, the system and administrators, whatever its access list
 * was before. A thin shell around whoami and icacls; what their output means: windows-acl.ts.
 */
import { spawnSync } from 'node:child_process'
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, win32 } from 'node:path'
import {
  closeContents,
  closeFolder,
  ownContents,
  ownFolder,
  readSaved,
  repairOf,
  sidOfUser,
  type Repair,
} from './windows-acl.ts'

/** Some take this long with hundreds of thousands of files. */
const TIMEOUT_MS = 120_000

export type WindowsPrograms = {
  /** The output of `whoami` with these arguments. @throws Error if it fails */
  whoami: (args: readonly string[]) => string
  /** @throws Error if it fails */
  icacls: (args: readonly string[]) => void
  /** What `icacls FOLDER /save FILE /T` writes to the file. @throws Error if it fails */
  save: (folder: string) => Buffer
  /** A link below the folder; null: there is none. */
  linkIn: (folder: string) => string | null
}

/** @throws Error that names what others can still access, or which program failed */
export function restrictFolder(folder: string, programs: WindowsPrograms): void {
  const own = sidOfUser(programs.whoami(['/user', '/fo', 'csv', '/nh']))
  if (own === null) throw new Error('whoami reports no SID')
  const look = (): Repair & { isEmpty: boolean } => {
    const saved = readSaved(programs.save(folder))
    if (saved === null) throw new Error('the access lists that icacls saved cannot be read')
    return { ...repairOf(saved, own), isEmpty: saved.length === 1 }
  }
  const { isFolderOpen, removed, exposed, isEmpty } = look()
  programs.icacls(ownFolder(folder, own))
  if (!isFolderOpen && exposed.length === 0) return
  if (isFolderOpen) closeFolder(folder, own, removed).forEach((args) => programs.icacls(args))
  if (!isEmpty) {
    // icacls could follow a link out of the folder.
    const link = programs.linkIn(folder)
    if (link !== null) throw new Error(`${link} is a link`)
    programs.icacls(ownContents(folder, own))
    // What inherits is closed with the folder; entries of its own are not.
    if (look().exposed.length > 0) programs.icacls(closeContents(folder))
  }
  const after = look()
  if (after.isFolderOpen) throw new Error('its access list is not as it was set')
  if (after.exposed.length > 0) throw new Error(`others can still access ${after.exposed[0]}`)
}

/** Never a program that the search path finds first. */
const program = (name: string): string =>
  win32.join(process.env['SystemRoot'] ?? 'C:\\Windows', 'System32', name)

function run(name: string, args: readonly string[]): string {
  const { status, stdout, error } = spawnSync(program(name), args, {
    ...{ encoding: 'utf8', timeout: TIMEOUT_MS, windowsHide: true },
  })
  if (error) throw error
  if (status !== 0) throw new Error(`${name} ${args.slice(1).join(' ')} ended with ${status}`)
  return stdout
}

/** The first link in the folder, at any depth. */
function linkIn(folder: string): string | null {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    const stat = lstatSync(path, { throwIfNoEntry: false })
    if (stat?.isSymbolicLink()) return path
    const found = stat?.isDirectory() ? linkIn(path) : null
    if (found !== null) return found
  }
  return null
}

export const WINDOWS_PROGRAMS: WindowsPrograms = {
  whoami: (args) => run('whoami.exe', args),
  icacls: (args) => void run('icacls.exe', args),
  save(folder) {
    const scratch = mkdtempSync(join(tmpdir(), 'deployx-acl-'))
    try {
      const file = join(scratch, 'saved')
      run('icacls.exe', [folder, '/save', file, '/T', '/Q'])
      return readFileSync(file)
    } finally {
      rmSync(scratch, { recursive: true, force: true })
    }
  },
  linkIn,
}
