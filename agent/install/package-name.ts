/** The name under which a package is stored: the announced name must not lead out of its folder. */
import { INSTALLER_KINDS, kindOfFileName, type InstallerKind } from '#shared/domain/platforms.ts'

const LENGTH_LIMIT = 120

export function packageFileName(fileName: string, kind: InstallerKind): string {
  const last = fileName.split(/[\\/]/).at(-1) ?? ''
  const safe = last.replace(/[^A-Za-z0-9._+-]/g, '_').replace(/^[.-]+/, '')
  const cut = safe.slice(-LENGTH_LIMIT).replace(/^[.-]+/, '')
  return kindOfFileName(cut) === kind ? cut : `package${INSTALLER_KINDS[kind].extension}`
}
