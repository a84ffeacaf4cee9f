/**
 * Whether a Windows Installer package installs for one user or for the PC (learn.microsoft.com/windows/win32/msi: "ALLUSERS
 * property", "Single Package Authoring", "Word Count Summary property"). The agent runs it as SYSTEM, whose own profile nobody uses.
 */
import type {
  InstallerKnowledge,
  InstallerScope,
} from '#shared/contract/rest/installer-knowledge.ts'
import { knowledgeOf, usual } from '../knowledge.ts'

/** Bit 3 of the word count: the package needs no elevated rights. */
const NO_ELEVATION = 8

/** @param wordCount from the summary, or null */
function scopeOf(
  properties: ReadonlyMap<string, string>,
  wordCount: number | null,
): InstallerScope {
  const isForUser = properties.get('MSIINSTALLPERUSER') === '1'
  switch (properties.get('ALLUSERS') ?? '') {
    case '1':
      return 'machine'
    case '2':
      return isForUser || ((wordCount ?? 0) & NO_ELEVATION) !== 0 ? 'either' : 'machine'
    default:
      return 'user'
  }
}

export function msiKnowledge(
  properties: ReadonlyMap<string, string>,
  wordCount: number | null,
): InstallerKnowledge {
  const scope = scopeOf(properties, wordCount)
  if (scope === 'machine') return knowledgeOf('msi', { scope })
  const why =
    scope === 'user' ? 'no property ALLUSERS' : 'the properties ALLUSERS and MSIINSTALLPERUSER'
  const isBound = ((wordCount ?? 0) & NO_ELEVATION) !== 0
  return knowledgeOf('msi', {
    scope,
    facts: { install_args: usual('/qn /norestart ALLUSERS=1', why) },
    warnings: [
      {
        code: 'per_user',
        text: `This package installs for one user. The agent runs as SYSTEM, so it would land in a profile that nobody uses. Add the argument ALLUSERS=1 to install for everyone.${isBound ? ' The package was made without elevation in mind: try it on one PC first.' : ''}`,
      },
    ],
  })
}
