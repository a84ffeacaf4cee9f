/** Targets for display: with the names of device and software, and the state of a pending restart. */
import type { TextCode } from '#shared/domain/coded-texts/codes.ts'
import type { DeploymentId, TargetId } from '#shared/domain/ids.ts'
import type { DevicePlatform, InstallerKind } from '#shared/domain/platforms.ts'
import type { TargetReason } from '#shared/domain/reasons.ts'
import type { RestartState } from '#shared/domain/restart-state.ts'
import type { Store } from '../../../store/store.ts'
import type { TargetRow } from './rows.ts'

/** What is displayed of the target itself. Ten thousand rows at a time: every further column takes time. */
const SHOWN = [
  'id',
  'device_id',
  'software_id',
  'deployment_status',
  'attempt',
  'wave',
  'since',
  'reason',
  'exit_code',
  'bytes',
  'total_bytes',
  'result_message',
  'result_code',
  'result_params',
  'held_by',
  'error_details',
  'started_at',
  'completed_at',
] as const satisfies (keyof TargetRow)[]
const SHOWN_SQL = SHOWN.map((column) => `t.${column}`).join(', ')

/** A target with the display names of its device and software. */
export type ViewRow = Pick<TargetRow, (typeof SHOWN)[number]> & {
  device_name: string
  software_name: string
  software_version: string
  installer_kind: InstallerKind | null
  installer_platform: DevicePlatform | null
  /** For an archive: the files inside it that install and uninstall. */
  entry: string | null
  uninstall_entry: string | null
  action: 'install' | 'uninstall'
  size_bytes: number | null
  restart_state: RestartState | null
  restart_reason: TargetReason | null
  restart_message: string | null
  restart_code: TextCode | null
  restart_params: string | null
  restart_due_at_ms: number | null
  restart_calling_off: string | null
  restart_since: string | null
}

export function createTargetViewsRepo({ sqlite }: Store) {
  const VIEW = `select ${SHOWN_SQL}, d.name device_name, s.name software_name, s.version software_version, i.kind installer_kind, i.size_bytes,
       i.platform installer_platform, i.archive ->> '$.entry' entry, i.archive ->> '$.uninstall_entry' uninstall_entry, p.action,
       r.state restart_state, r.reason restart_reason, r.message restart_message, r.message_code restart_code, r.message_params restart_params,
       r.due_at_ms restart_due_at_ms,
       r.calling_off restart_calling_off, r.since restart_since
     from deployment_targets t join devices d on d.id = t.device_id join software s on s.id = t.software_id
     join deployments p on p.id = t.deployment_id
     left join installers i on i.id = t.installer_id left join device_restarts r on r.restart_id = t.restart_id`
  const allViews = sqlite.prepare<[number], ViewRow>(
    `${VIEW} where t.deployment_id = ? order by t.id`,
  )
  const someViews = sqlite.prepare<[string, number], ViewRow>(
    `${VIEW} where t.id in (select value from json_each(?)) and t.deployment_id = ? order by t.id`,
  )

  return {
    /** @param targetIds null: all of them */
    views: (id: DeploymentId, targetIds: TargetId[] | null): ViewRow[] =>
      targetIds === null ? allViews.all(id) : someViews.all(JSON.stringify(targetIds), id),
  }
}
