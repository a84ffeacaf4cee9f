/** Seals secrets of software that was stored before arguments were sealed, and warns about those whose key is lost. */
import type { DevicePlatform } from '#shared/domain/platforms.ts'
import { findSecrets, SECRET_MASK } from '#shared/domain/secret-arguments.ts'
import { maskSecrets } from '#shared/domain/secret-lines.ts'
import type { Log } from '../../base/context.ts'
import type { SealedArguments } from '../../base/sealed-arguments.ts'
import { storageFailure } from '../../store/failures.ts'
import type { Store } from '../../store/store.ts'
import type { InstallerRow, SoftwareRepo } from './software.repo.ts'

type Uploaded = { install_args?: unknown; secret?: unknown }

/** What an installer was uploaded as, without its secrets; null: there are none. */
function sealedUpload(
  sealed: SealedArguments,
  uploadedAs: string,
  platform: DevicePlatform,
): string | null {
  const upload = JSON.parse(uploadedAs) as Uploaded
  if (typeof upload.install_args !== 'string' || upload.secret !== undefined) return null
  const { secrets } = findSecrets(upload.install_args, [], platform)
  if (secrets.length === 0) return null
  return JSON.stringify({
    ...upload,
    install_args: maskSecrets(upload.install_args, secrets),
    secret: sealed.fingerprintOf(upload.install_args),
  })
}

/** The changes to a row; null: none. */
function sealedRow(sealed: SealedArguments, row: InstallerRow): Partial<InstallerRow> | null {
  const { install_args: line, platform } = row
  const change: Partial<InstallerRow> = {}
  if (row.sealed_args === null && !line.includes(SECRET_MASK)) {
    const { secrets } = findSecrets(line, [], platform)
    if (secrets.length > 0) Object.assign(change, sealed.columns(line, [], secrets))
  }
  const uploaded_as =
    row.uploaded_as === null ? null : sealedUpload(sealed, row.uploaded_as, platform)
  if (uploaded_as !== null) change.uploaded_as = uploaded_as
  return Object.keys(change).length > 0 ? change : null
}

/** Runs at every start and usually finds nothing: an older version may have used the database meanwhile. */
export function sealStored(deps: {
  store: Store
  repo: SoftwareRepo
  sealed: SealedArguments
  log: Log
}): void {
  const { store, repo, sealed, log } = deps
  const rows = repo.maybeUnsealed()
  const changes = rows.flatMap((row) => {
    const change = sealedRow(sealed, row)
    return change ? [{ id: row.id, change }] : []
  })
  const lost = rows.filter((row) => sealed.isLost(row)).length
  if (lost > 0)
    log.warn(
      { installers: lost },
      'secrets in arguments cannot be opened and have to be entered again',
    )
  if (changes.length === 0) return
  try {
    // Overwritten text must be erased from the file, and from the log beside it.
    store.sqlite.pragma('secure_delete = on')
    store.transaction(() => {
      for (const { id, change } of changes) repo.updateInstaller(id, change)
    })
    store.sqlite.pragma('wal_checkpoint(TRUNCATE)')
    log.info({ installers: changes.length }, 'secrets in arguments were sealed')
  } catch (error) {
    // A full disk must not keep the controller from starting; the next start tries again.
    if (!storageFailure(error)) throw error
    log.error({ err: error }, 'secrets in arguments could not be sealed yet')
  } finally {
    store.sqlite.pragma('secure_delete = off')
  }
}
