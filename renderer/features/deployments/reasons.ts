/** The meaning of each reason for the user, and what to do next. */
import type { DeploymentAction, Target } from '#shared/contract/rest/deployments.ts'
import { exitCodeInWords, explainExitCode } from '#shared/domain/exit-codes.ts'
import { formatExitCode } from '#shared/domain/windows-codes.ts'
import type { DeferReason, TargetReason } from '#shared/domain/reasons.ts'
import { resultText } from '../../ui/lib/coded-text.ts'
import { t } from './texts.ts'

export type ReasonText = { text: string; next?: string }

/** Waiting reasons follow the word "Waiting", as in "Waiting for its turn". */
export const REASON_TEXT: Record<TargetReason, ReasonText> = {
  connecting: { text: t('reasons.connecting') },
  waiting_for_device: { text: t('reasons.waiting_for_device') },
  waiting_for_wave: { text: t('reasons.waiting_for_wave') },
  waiting_for_window: { text: t('reasons.waiting_for_window') },
  device_busy: { text: t('reasons.device_busy') },
  retry_later: { text: t('reasons.retry_later') },
  paused: { text: t('reasons.paused') },
  verifying: { text: t('reasons.verifying') },
  reboot_pending: { text: t('reasons.reboot_pending') },
  adopted: { text: t('reasons.adopted') },
  offline: { text: t('reasons.offline'), next: t('reasonsNext.offline') },
  invalid_url: { text: t('reasons.invalid_url'), next: t('reasonsNext.invalid_url') },
  download_failed: { text: t('reasons.download_failed'), next: t('reasonsNext.download_failed') },
  integrity: { text: t('reasons.integrity'), next: t('reasonsNext.integrity') },
  disk_space: { text: t('reasons.disk_space'), next: t('reasonsNext.disk_space') },
  permission: { text: t('reasons.permission'), next: t('reasonsNext.permission') },
  install_failed: { text: t('reasons.install_failed'), next: t('reasonsNext.install_failed') },
  not_detected: { text: t('reasons.not_detected'), next: t('reasonsNext.not_detected') },
  timeout: { text: t('reasons.timeout'), next: t('reasonsNext.timeout') },
  interrupted: { text: t('reasons.interrupted'), next: t('reasonsNext.interrupted') },
  lease_expired: { text: t('reasons.lease_expired'), next: t('reasonsNext.lease_expired') },
  rejected_by_agent: {
    text: t('reasons.rejected_by_agent'),
    next: t('reasonsNext.rejected_by_agent'),
  },
  dependency_failed: {
    text: t('reasons.dependency_failed'),
    next: t('reasonsNext.dependency_failed'),
  },
  internal: { text: t('reasons.internal'), next: t('reasonsNext.internal') },
  already_installed: { text: t('reasons.already_installed') },
  no_installer: { text: t('reasons.no_installer'), next: t('reasonsNext.no_installer') },
  canceled: { text: t('reasons.canceled') },
  device_deleted: { text: t('reasons.device_deleted') },
}

/** Wording for removals; reasons not listed here read the same. */
const REMOVAL_TEXT: Partial<Record<TargetReason, ReasonText>> = {
  reboot_pending: { text: t('removalReasons.reboot_pending') },
  permission: { text: t('removalReasons.permission'), next: t('removalReasonsNext.permission') },
  install_failed: {
    text: t('removalReasons.install_failed'),
    next: t('removalReasonsNext.install_failed'),
  },
  not_detected: {
    text: t('removalReasons.not_detected'),
    next: t('removalReasonsNext.not_detected'),
  },
  timeout: { text: t('removalReasons.timeout'), next: t('removalReasonsNext.timeout') },
  lease_expired: {
    text: t('removalReasons.lease_expired'),
    next: t('removalReasonsNext.lease_expired'),
  },
  already_installed: { text: t('removalReasons.already_installed') },
}
/** The text of a reason for a target with this action. */
export const reasonText = (reason: TargetReason, action: DeploymentAction): ReasonText =>
  (action === 'uninstall' ? REMOVAL_TEXT[reason] : undefined) ?? REASON_TEXT[reason]

/** Texts for a target that waits (after the word "Waiting") and for one that failed for this reason. */
const DEFERRED_TEXT: Record<DeferReason, { waits: string; failed: string; next: string }> = {
  on_battery: {
    waits: t('deferred.battery'),
    failed: t('deferred.batteryFailed'),
    next: t('deferred.batteryNext'),
  },
  on_metered: {
    waits: t('deferred.metered'),
    failed: t('deferred.meteredFailed'),
    next: t('deferred.meteredNext'),
  },
}
/** Why the PC defers, or deferred, work, if that decided the state of the target. */
function deferredText({ reason, held_by }: Pick<Target, 'reason' | 'held_by'>) {
  if (held_by === undefined) return null
  const { waits, failed, next } = DEFERRED_TEXT[held_by]
  if (reason === 'retry_later') return { text: waits, next: null }
  return reason === 'rejected_by_agent' ? { text: failed, next } : null
}

/** The next step for a failed target, or null. If another installer was running, waiting is enough. */
export function nextStep(
  target: Pick<Target, 'action' | 'reason' | 'exit_code' | 'installer_kind' | 'held_by'>,
): string | null {
  const deferred = deferredText(target)
  if (deferred) return deferred.next
  if (target.exit_code !== undefined && target.installer_kind) {
    const { outcome } = explainExitCode(target.installer_kind, target.exit_code)
    if (outcome === 'retry_later') return t('explained.waitForOther')
  }
  return target.reason ? (reasonText(target.reason, target.action).next ?? null) : null
}

type Ended = Pick<
  Target,
  | 'action'
  | 'reason'
  | 'exit_code'
  | 'installer_kind'
  | 'result_message'
  | 'result_code'
  | 'result_params'
  | 'deployment_status'
  | 'held_by'
>

const DONE = { install: t('explained.installed'), uninstall: t('explained.removed') } as const

/** The explanation beside the state's label, or '' if it would only repeat the label. */
export function explainBeside(t: Ended, look: { label: string }): string {
  const text = explainTarget(t)
  const lower = text.toLowerCase()
  if (t.deployment_status === 'completed' && lower === DONE[t.action]) return ''
  return lower === look.label.toLowerCase() ? '' : text
}

/** "1618: another installation is running", or null if there is no exit code. */
export function exitInWords(
  t: Pick<Target, 'action' | 'exit_code' | 'installer_kind' | 'deployment_status'>,
): string | null {
  if (t.exit_code === undefined) return null
  // The installer reported success, but the installation failed.
  if (t.exit_code === 0 && t.deployment_status === 'failed') return '0'
  return t.installer_kind
    ? exitCodeInWords(t.installer_kind, t.exit_code, t.action)
    : formatExitCode(t.exit_code)
}

/** A short explanation of a target: the exit code in words if the installer failed with one, else the reason. */
export function explainTarget(t: Ended): string {
  const isNonZero = t.exit_code !== undefined && t.exit_code !== 0
  if (t.deployment_status === 'completed') {
    if (isNonZero && t.installer_kind && t.exit_code !== undefined)
      return explainExitCode(t.installer_kind, t.exit_code, [t.exit_code], t.action).text
    return t.reason === 'reboot_pending' ? reasonText(t.reason, t.action).text : DONE[t.action]
  }
  if (isNonZero && (t.reason === undefined || t.reason === 'install_failed'))
    return exitInWords(t) ?? ''
  if (t.reason) return (deferredText(t) ?? reasonText(t.reason, t.action)).text
  return resultText(t) ?? ''
}
