/** Converts library rows to what the console sees. */
import type { Installer, Software } from '#shared/contract/rest/software.ts'
import { storedKnowledge } from '#shared/contract/rest/installer-knowledge.ts'
import { productId } from '#shared/domain/product.ts'
import type { FileFault } from '../content/index.ts'
import type { InstallerRow, SoftwareWithInstallers } from './software.repo.ts'

const toInstaller = (
  row: InstallerRow,
  fault: FileFault | null,
  areSecretsLost: boolean,
): Installer => ({
  id: row.id,
  platform: row.platform,
  arch: row.arch,
  kind: row.kind,
  archive: row.archive,
  file_name: row.file_name,
  size_bytes: row.size_bytes,
  sha256: row.sha256,
  install_args: row.install_args,
  secret_args: row.secret_args,
  secrets_lost: areSecretsLost,
  timeout_seconds: row.timeout_seconds,
  success_exit_codes: row.success_exit_codes,
  detection: row.detection,
  technology: row.technology,
  file_missing: fault === 'missing',
  file_damaged: fault === 'damaged',
  knowledge: storedKnowledge(row.knowledge),
})

export const toSoftware = (
  row: SoftwareWithInstallers,
  fileFault: (installer: InstallerRow) => FileFault | null,
  areSecretsLost: (installer: InstallerRow) => boolean,
): Software => {
  const installers = row.installers.map((installer) =>
    toInstaller(installer, fileFault(installer), areSecretsLost(installer)),
  )
  return {
    id: row.id,
    product_id: productId(row.id, installers),
    name: row.name,
    version: row.version,
    publisher: row.publisher,
    origin: row.origin,
    owner_id: row.owner_id,
    created_by_name: row.created_by_name,
    created_at: row.created_at,
    depends_on: row.depends_on,
    revision: row.revision,
    installers,
  }
}
