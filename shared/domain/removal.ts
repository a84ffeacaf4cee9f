/** Whether software can be removed, based on its installer. Pure. */
import type { Detection } from '../contract/detection.ts'
import { isArchiveKind } from './archives.ts'
import type { PlainCode } from './coded-texts/codes.ts'
import type { DevicePlatform, InstallerKind } from './platforms.ts'

export type RemovalObstacle = Extract<
  PlainCode,
  | 'removal_needs_windows_rule'
  | 'removal_needs_package'
  | 'removal_needs_file'
  | 'removal_impossible'
>
type Known = {
  kind: InstallerKind
  platform: DevicePlatform
  detection: Detection | null
  archive: { uninstall_entry: string | null } | null
}

/** Code of the text that explains why no PC can remove the software; null: a PC can try. */
export function removalObstacle({
  kind,
  platform,
  detection,
  archive,
}: Known): RemovalObstacle | null {
  if (archive?.uninstall_entry) return null
  const type = detection?.type
  if (platform === 'windows')
    return type === 'msi_product' || type === 'uninstall_entry' || type === 'uninstall_key'
      ? null
      : 'removal_needs_windows_rule'
  if (kind === 'appimage') return null
  if (platform === 'linux' && (kind === 'deb' || isArchiveKind(kind)) && type === 'dpkg')
    return null
  if (platform === 'linux' && (kind === 'rpm' || isArchiveKind(kind)) && type === 'rpm') return null
  if (kind === 'deb' || kind === 'rpm') return 'removal_needs_package'
  return isArchiveKind(kind) ? 'removal_needs_file' : 'removal_impossible'
}
