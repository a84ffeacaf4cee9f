/**
 * Whether a Windows Installer package installs for one user or for the PC (learn.microsoft.com/windows/win32/msi: "ALLUSERS
 * property", "Single Package Authoring", "Word Count Summary property"). The agent runs it as SYSTEM, whose own profile nobody uses.
 */
import type { InstallerScope, InstallerWarning } from '#shared/contract/rest/installer-knowledge.ts'
import { warning } from '../../knowledge.ts'
import type { MsiDatabase } from './database.ts'
import { setsAllUsers } from './needs.ts'

/** Bit 3 of the word count: the package needs no elevated rights. */
const NO_ELEVATION = 8

export type MsiScope = {
  scope: InstallerScope
  /** Where the package says so. */
  source: string
  /** Null: it installs for the PC. */
  perUser: InstallerWarning | null
}

/** @param wordCount from the summary, or null */
export function scopeOf(database: MsiDatabase, wordCount: number | null): MsiScope {
  const { properties } = database
  const needsNoRights = ((wordCount ?? 0) & NO_ELEVATION) !== 0
  const isForUser = properties.get('MSIINSTALLPERUSER') === '1'
  const byAction = setsAllUsers(database)
  const allUsers = properties.get('ALLUSERS') ?? ''
  const value = byAction?.always ? byAction.value : allUsers
  if (value === '1' || (value === '2' && !isForUser && !needsNoRights))
    return { scope: 'machine', source: 'the property ALLUSERS', perUser: null }
  const isEither = value === '2' || byAction !== null
  const bound = needsNoRights
    ? ' The package was made without elevation in mind: try it on one PC first.'
    : ''
  return {
    scope: isEither ? 'either' : 'user',
    source: isEither ? 'the properties ALLUSERS and MSIINSTALLPERUSER' : 'no property ALLUSERS',
    perUser: warning(
      'per_user',
      `This package installs for one user. The agent runs as SYSTEM, so it would land in a profile that nobody uses. Add the argument ALLUSERS=1 to install for everyone.${bound}`,
    ),
  }
}
