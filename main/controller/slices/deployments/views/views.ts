/** Converts rows to what the console sees. Tables stay private to the slice. */
import { runKind } from '#shared/domain/archives.ts'
import type {
  Attempt,
  Deployment,
  Progress,
  Target,
  TargetTotals,
} from '#shared/contract/rest/deployments.ts'
import type { RestartCounts, TargetRestart } from '#shared/contract/rest/restarts.ts'
import { successRate, type TargetCounts } from '#shared/domain/deployment-state.ts'
import { ownTimeZone } from '#shared/domain/time-zone.ts'
import { knownCode, paramsOf, shownCode } from '../../../base/coded-note.ts'
import { isoTime } from '../../../base/context.ts'
import type { AttemptRow, DeploymentRow, ViewRow } from '../tables/deployments.repo.ts'

export const totals = (counts: TargetCounts): TargetTotals => ({
  total:
    counts.pending +
    counts.downloading +
    counts.installing +
    counts.completed +
    counts.failed +
    counts.skipped,
  pending: counts.pending,
  downloading: counts.downloading,
  installing: counts.installing,
  completed: counts.completed,
  failed: counts.failed,
  skipped: counts.skipped,
})

const NO_RESTARTS: RestartCounts = { owed: 0, announced: 0, done: 0, failed: 0, canceled: 0 }

/** @param restartsOf called only when the deployment may restart PCs */
export function toDeployment(
  row: DeploymentRow,
  creatorName: string | null,
  restartsOf: (id: DeploymentRow['id']) => RestartCounts,
): Deployment {
  return {
    id: row.id,
    name: row.name,
    status: row.status,
    paused: row.paused,
    pause_reason: row.pause_reason,
    pause_message: row.pause_message,
    pause_code: knownCode(row.pause_code),
    pause_params: paramsOf(row.pause_params),
    canceling: row.canceling,
    action: row.action,
    strategy_type: row.strategy_type,
    strategy: row.strategy,
    wave: row.wave,
    wave_count: row.wave_count,
    scheduled_at: row.scheduled_at,
    targets_are_preview: row.status === 'pending' && row.chosen !== null,
    // Deployments of earlier versions store no zone: it was always the controller's.
    maintenance_window: row.maintenance_window && {
      time_zone: ownTimeZone(),
      ...row.maintenance_window,
    },
    offline_policy: row.offline_policy,
    wait_minutes: row.wait_minutes,
    reboot: row.reboot,
    reboot_delay_minutes: row.reboot_delay_minutes,
    restarts_canceled: row.restarts_canceled,
    allow_removals: row.allow_removals,
    restarts: row.reboot === 'never' ? NO_RESTARTS : restartsOf(row.id),
    created_by: row.created_by,
    created_by_name: creatorName,
    created_at: row.created_at,
    started_at: row.started_at,
    ended_at: row.ended_at,
    software_names: row.software_names,
    device_count: row.device_count,
    counts: totals(row),
    success_rate: successRate(row),
  }
}

/** The kind that the exit codes belong to. For an archive, the kind of the file inside it that ran. */
function kindThatRan({
  installer_kind,
  installer_platform,
  entry,
  uninstall_entry,
  action,
}: ViewRow) {
  if (installer_kind === null || installer_platform === null) return installer_kind
  return runKind(installer_kind, installer_platform, action === 'install' ? entry : uninstall_entry)
}

/** Removing sends a file only when the uninstaller is in the archive. */
const sizeToSend = ({ action, uninstall_entry, size_bytes }: ViewRow): number | null =>
  action === 'install' || uninstall_entry ? size_bytes : null

/** Omitted instead of null where nothing is known yet. */
const known = <K extends string, V>(key: K, value: V | null): Partial<Record<K, V>> =>
  value === null ? {} : ({ [key]: value } as Record<K, V>)

function toRestart(target: ViewRow): TargetRestart | null {
  const { restart_state: state, restart_due_at_ms: dueAtMs } = target
  if (state === null) return null
  return {
    state,
    ...(state === 'owed' && known('reason', target.restart_reason)),
    ...known('message', target.restart_message),
    ...shownCode({ message_code: target.restart_code, message_params: target.restart_params }),
    ...(state === 'announced' && known('due_at', dueAtMs === null ? null : isoTime(dueAtMs))),
    calling_off: target.restart_calling_off !== null,
    since: target.restart_since!,
  }
}

export function toTarget(target: ViewRow): Target {
  const view: Target = {
    id: target.id,
    device_id: target.device_id,
    device_name: target.device_name,
    software_id: target.software_id,
    software_name: softwareTitle(target),
    installer_kind: kindThatRan(target),
    action: target.action,
    deployment_status: target.deployment_status,
    attempt: target.attempt,
    wave: target.wave,
    since: target.since,
  }
  // Set one by one: a list may hold ten thousand targets, and spreading an object for each field takes most of the time.
  const totalBytes = target.total_bytes ?? sizeToSend(target)
  const code = knownCode(target.result_code)
  const params = paramsOf(target.result_params)
  const restart = toRestart(target)
  if (target.reason !== null) view.reason = target.reason
  if (target.exit_code !== null) view.exit_code = target.exit_code
  if (target.bytes !== null) view.bytes = target.bytes
  if (totalBytes !== null) view.total_bytes = totalBytes
  if (target.result_message !== null) view.result_message = target.result_message
  if (code !== null) view.result_code = code
  if (params !== null) view.result_params = params
  if (target.held_by !== null) view.held_by = target.held_by
  if (target.error_details !== null) view.error_details = target.error_details
  if (target.started_at !== null) view.started_at = target.started_at
  if (target.completed_at !== null) view.completed_at = target.completed_at
  if (restart !== null) view.restart = restart
  return view
}
export const toAttempt = (row: AttemptRow): Attempt => ({
  attempt: row.attempt,
  created_at: row.created_at,
  ended_at: row.ended_at,
  status: row.status,
  reason: row.reason,
  message: row.message,
  result_code: knownCode(row.result_code),
  result_params: paramsOf(row.result_params),
  exit_code: row.exit_code,
})
const softwareTitle = (row: { software_name: string; software_version: string }): string =>
  row.software_version ? `${row.software_name} ${row.software_version}` : row.software_name

export function toProgress(deployment: DeploymentRow, rows: ViewRow[]): Progress {
  return {
    deployment_id: deployment.id,
    status: deployment.status,
    total_targets: totals(deployment).total,
    completed: deployment.completed,
    failed: deployment.failed,
    skipped: deployment.skipped,
    success_rate: successRate(deployment),
    targets: rows.map(toTarget),
  }
}
