/** The meaning of each reason for the user, and what to do next. */
import type { DeploymentAction, Target } from '#shared/contract/rest/deployments.ts'
import { exitCodeInWords, explainExitCode } from '#shared/domain/exit-codes.ts'
import { formatExitCode } from '#shared/domain/windows-codes.ts'
import type { HeldBy, TargetReason } from '#shared/domain/reasons.ts'

export type ReasonText = { text: string; next?: string }

/** Texts of waiting reasons continue the word "Waiting", which precedes them. */
export const REASON_TEXT: Record<TargetReason, ReasonText> = {
  connecting: { text: 'for agents to connect' },
  waiting_for_device: { text: 'for the PC to come online' },
  waiting_for_wave: { text: 'for its turn' },
  waiting_for_window: { text: 'until it may start' },
  device_busy: { text: 'for what runs on this PC before it' },
  retry_later: { text: 'the PC was busy, tries again shortly' },
  paused: { text: 'until it is resumed' },
  verifying: { text: 'verifying' },
  reboot_pending: { text: 'installed, a restart is needed' },
  adopted: { text: 'picked up again after the agent restarted' },
  offline: { text: 'the PC is offline', next: 'Switch it on or check its network, then retry.' },
  invalid_url: {
    text: 'the download address cannot be used',
    next: 'Check the address and deploy again with a corrected one.',
  },
  download_failed: {
    text: 'the download failed',
    next: 'Check the network between this controller and the PC, then retry.',
  },
  integrity: {
    text: 'the downloaded file is not the one that was expected',
    next: 'Upload the same file again under Software, then retry. If it came from an address, the file there may have changed.',
  },
  disk_space: { text: 'not enough disk space', next: 'Free some space on the PC, then retry.' },
  permission: {
    text: 'the agent may not install',
    next: 'Run the agent as a service with administrator rights, then retry.',
  },
  install_failed: {
    text: 'the installer reported a failure',
    next: 'Read its output, then correct the arguments or the PC and retry.',
  },
  not_detected: {
    text: 'the installer ended, but the software was not found afterwards',
    next: 'Check the installer’s output and how the software is recognised.',
  },
  timeout: {
    text: 'the installer did not end in time',
    next: 'It may be waiting for an answer: check its silent arguments or allow more time.',
  },
  interrupted: {
    text: 'interrupted, how it ended is not known',
    next: 'Check the PC, then retry.',
  },
  lease_expired: {
    text: 'no sign of life from the PC',
    next: 'If the installer still ends, its result is taken over when the PC is back.',
  },
  rejected_by_agent: {
    text: 'the agent refused the command',
    next: 'Check that this PC is enrolled with this controller.',
  },
  dependency_failed: { text: 'software that it needs failed', next: 'Retry that one first.' },
  internal: { text: 'a fault in DeployX', next: 'Retry; if it happens again, look into the log.' },
  already_installed: { text: 'already installed' },
  no_installer: {
    text: 'no installer fits this PC',
    next: 'Add an installer for its platform and architecture.',
  },
  canceled: { text: 'cancelled' },
  device_deleted: { text: 'the PC was removed' },
}

/** Wording for removals; reasons not listed here read the same. */
const REMOVAL_TEXT: Partial<Record<TargetReason, ReasonText>> = {
  reboot_pending: { text: 'removed, a restart is needed' },
  permission: {
    text: 'the agent may not remove it',
    next: 'Run the agent as a service with administrator rights, then retry.',
  },
  install_failed: {
    text: 'the removal failed',
    next: 'Read its output, then correct the PC or the detection rule and retry.',
  },
  not_detected: {
    text: 'the removal ended, but the software is still there',
    next: 'Check the output and how the software is recognised.',
  },
  timeout: {
    text: 'the removal did not end in time',
    next: 'It may be waiting for an answer: remove it by hand there, or allow more time.',
  },
  lease_expired: {
    text: 'no sign of life from the PC',
    next: 'If the removal still ends, its result is taken over when the PC is back.',
  },
  already_installed: { text: 'not installed' },
}
/** The text of a reason for a target with this action. */
export const reasonText = (reason: TargetReason, action: DeploymentAction): ReasonText =>
  (action === 'uninstall' ? REMOVAL_TEXT[reason] : undefined) ?? REASON_TEXT[reason]

/** Texts for a waiting target (after the word "Waiting") and for one that failed because of it. */
const HELD_TEXT: Record<HeldBy, { waits: string; failed: string; next: string }> = {
  on_battery: {
    waits: 'the PC runs on its battery',
    failed: 'the PC was running on its battery',
    next: 'Plug it in, then retry. The settings can allow work on battery.',
  },
  on_metered: {
    waits: 'the PC is on a metered network',
    failed: 'the PC was on a metered network',
    next: 'Connect it to another network, then retry. The settings can allow metered ones.',
  },
}
/** Why the PC defers, or deferred, work, if that decided the state of the target. */
function heldText({ reason, held_by }: Pick<Target, 'reason' | 'held_by'>) {
  if (held_by === undefined) return null
  const { waits, failed, next } = HELD_TEXT[held_by]
  if (reason === 'retry_later') return { text: waits, next: null }
  return reason === 'rejected_by_agent' ? { text: failed, next } : null
}

/** The next step for a failed target, or null. If another installer was running, waiting is enough. */
export function nextStep(
  t: Pick<Target, 'action' | 'reason' | 'exit_code' | 'installer_kind' | 'held_by'>,
): string | null {
  const held = heldText(t)
  if (held) return held.next
  if (t.exit_code !== undefined && t.installer_kind) {
    const { outcome } = explainExitCode(t.installer_kind, t.exit_code)
    if (outcome === 'retry_later') return 'Wait until that one has ended, then retry.'
  }
  return t.reason ? (reasonText(t.reason, t.action).next ?? null) : null
}

type Ended = Pick<
  Target,
  | 'action'
  | 'reason'
  | 'exit_code'
  | 'installer_kind'
  | 'result_message'
  | 'deployment_status'
  | 'held_by'
>

const DONE = { install: 'installed', uninstall: 'removed' } as const

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
  if (t.reason) return (heldText(t) ?? reasonText(t.reason, t.action)).text
  return t.result_message ?? ''
}
