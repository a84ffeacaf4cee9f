/** Whether software can be removed, based on its installer. Pure. */
import type { Detection } from '../contract/detection.ts'
import { isArchiveKind } from './archives.ts'
import type { DevicePlatform, InstallerKind } from './platforms.ts'

type Known = {
  kind: InstallerKind
  platform: DevicePlatform
  detection: Detection | null
  archive: { uninstall_entry: string | null } | null
}

/** Why no PC can remove it, as a clause; null: a PC can try. */
export function removalObstacle({ kind, platform, detection, archive }: Known): string | null {
  if (archive?.uninstall_entry) return null
  const type = detection?.type
  if (platform === 'windows')
    return type === 'msi_product' || type === 'uninstall_entry' || type === 'uninstall_key'
      ? null
      : 'its detection rule is neither a product code nor an entry in the list of installed programs'
  if (kind === 'appimage') return null
  if (platform === 'linux' && (kind === 'deb' || isArchiveKind(kind)) && type === 'dpkg')
    return null
  if (platform === 'linux' && (kind === 'rpm' || isArchiveKind(kind)) && type === 'rpm') return null
  if (kind === 'deb' || kind === 'rpm') return 'its detection rule does not name the package'
  return isArchiveKind(kind)
    ? 'no file in its archive was chosen to remove it'
    : 'installers of this kind cannot remove what they installed'
}
