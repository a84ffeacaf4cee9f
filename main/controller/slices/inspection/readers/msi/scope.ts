/**
 * Whether a Windows Installer package installs for one user or for the PC (learn.microsoft.com/windows/win32/msi: "ALLUSERS
 * property", "Single Package Authoring", "Word Count Summary property"). The agent runs it as SYSTEM, whose own profile nobody uses.
 */
import type { InstallerScope, InstallerWarning } from '#shared/contract/rest/installer-knowledge.ts'
import { warning } from '../../knowledge.ts'
import type { MsiDatabase } from './database.ts'
import { allUsersAction } from './needs.ts'

/** Bit 3 of the word count: the package needs no elevated rights. */
const NO_ELEVATION = 8

export type MsiScope = {
  scope: InstallerScope
  /** Which properties decide it, for people. */
  source: string
  /** Null: it installs for the whole PC, so there is nothing to warn about. */
  perUserWarning: InstallerWarning | null
}

/** @param wordCount flags from the summary; null: not stated */
export function scopeOf(database: MsiDatabase, wordCount: number | null): MsiScope {
  const { properties } = database
  const needsNoElevation = ((wordCount ?? 0) & NO_ELEVATION) !== 0
  const isForUser = properties.get('MSIINSTALLPERUSER') === '1'
  const action = allUsersAction(database)
  const allUsers = properties.get('ALLUSERS') ?? ''
  const value = action?.isUnconditional ? action.value : allUsers
  if (value === '1' || (value === '2' && !isForUser && !needsNoElevation))
    return { scope: 'machine', source: 'the property ALLUSERS', perUserWarning: null }
  const isEither = value === '2' || action !== null
  const caveat = needsNoElevation
    ? ' The package is marked as needing no elevation, so this may fail: try it on one PC first.'
    : ''
  return {
    scope: isEither ? 'either' : 'user',
    source: isEither ? 'the properties ALLUSERS and MSIINSTALLPERUSER' : 'no property ALLUSERS',
    perUserWarning: warning(
      'per_user',
      `This package installs for one user. The agent runs as SYSTEM, so it would land in a profile that nobody uses. Add the argument ALLUSERS=1 to install for everyone.${caveat}`,
    ),
  }
}
