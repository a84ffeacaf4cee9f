/** Other entries of the library that have the file of a new one. Pure. */
import type { Installer, Software } from '#shared/contract/rest/software.ts'
import { stemOf } from '#shared/domain/file-stem.ts'

/**
 * Why a new entry was made beside one with the same file: the other one has another owner, the file was called differently and the
 * entry is named after it, or its details differ.
 */
type Why = 'owner' | 'file_name' | 'details'
export type SameFile = { entry: Software; why: Why }

/** What an upload decides, apart from the name. Null: secrets are not shown, so nobody can say that they are the same. */
function detailsOf({ version }: Software, installer: Installer): string | null {
  if (installer.secret_args.length > 0 || installer.secrets_lost) return null
  const { platform, arch, install_args, timeout_seconds, success_exit_codes } = installer
  const { entry = null, uninstall_entry = null } = installer.archive ?? {}
  return JSON.stringify({
    ...{ version, platform, arch, install_args, timeout_seconds, success_exit_codes },
    ...{ detection: installer.detection, entry, uninstall_entry },
  })
}

function whyBeside(software: Software, file: Installer, other: Software): Why {
  const details = detailsOf(software, file)
  const isSame = other.installers.some(
    (installer) =>
      installer.sha256 === file.sha256 &&
      details !== null &&
      detailsOf(other, installer) === details,
  )
  if (!isSame) return 'details'
  const isNamedAfterFile = software.name === stemOf(file.file_name)
  if (software.name !== other.name && !isNamedAfterFile) return 'details'
  if (software.owner_id !== other.owner_id) return 'owner'
  return software.name === other.name ? 'details' : 'file_name'
}

/**
 * The entry with the same file that differs least, the oldest one first; null: there is none.
 * @param library what this user may see, so that nobody learns of other entries
 */
export function sameFileOf(software: Software, library: readonly Software[]): SameFile | null {
  const found = software.installers.flatMap((file) =>
    library
      .filter(
        ({ id, installers }) =>
          id !== software.id &&
          file.sha256 !== null &&
          installers.some(({ sha256 }) => sha256 === file.sha256),
      )
      .map((entry): SameFile => ({ entry, why: whyBeside(software, file, entry) })),
  )
  found.sort((a, b) => a.entry.id - b.entry.id)
  return found.find(({ why }) => why !== 'details') ?? found[0] ?? null
}
