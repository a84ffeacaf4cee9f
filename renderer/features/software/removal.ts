/** How a PC would remove the software of an installer, as the form shows it. Pure. */
import type { Detection } from '#shared/contract/detection.ts'
import type { Installer } from '#shared/contract/rest/software.ts'
import { isArchiveKind } from '#shared/domain/archives.ts'
import { removalObstacle, type RemovalObstacle } from '#shared/domain/removal.ts'
import { isRule, toDetection } from './detection-form.ts'
import type { Reason } from './proposals.ts'
import type { InstallerForm } from './readout.ts'

export type Removal =
  /** Why no PC can remove it. */
  | { obstacle: RemovalObstacle }
  /** The command, if it is known; else the PC finds the uninstaller by the detection rule. */
  | { command: string | null; reason: Reason | undefined }

/** What a rule looks for, in any version. */
const soughtBy = (rule: Detection): string =>
  JSON.stringify(
    Object.entries(rule)
      .filter(([field]) => field !== 'version' && field !== 'operator')
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  ).toLowerCase()

/** Null: a file of the archive removes it, which has a field of its own; or the rule is incomplete. */
export function removalOf(
  form: InstallerForm,
  { knowledge, kind }: Pick<Installer, 'knowledge' | 'kind'>,
): Removal | null {
  if (!isRule(form) || (isArchiveKind(kind) && form.uninstall_entry !== '')) return null
  const { platform } = form
  const detection = toDetection(form)
  const obstacle = removalObstacle({ kind, platform, detection, archive: null })
  if (obstacle !== null) return { obstacle }
  const { uninstall, detection: read } = knowledge?.facts ?? {}
  // The command belongs to what the file says about itself, not to another rule.
  if (uninstall && (!detection || !read || soughtBy(detection) === soughtBy(read.value)))
    return { command: uninstall.value, reason: uninstall }
  const command =
    detection?.type === 'msi_product' ? `msiexec /x ${detection.product_code} /qn /norestart` : null
  return { command, reason: undefined }
}
