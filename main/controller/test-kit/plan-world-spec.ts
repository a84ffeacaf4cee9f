/** The parts of a simulated deployment, and its rows. */
import { waveSizes, type Strategy, type StrategyType } from '#shared/domain/strategy.ts'
import type {
  DeploymentId,
  DeviceId,
  InstallerId,
  SoftwareId,
  TargetId,
} from '#shared/domain/ids.ts'
import type { MaintenanceWindow } from '#shared/domain/maintenance-window.ts'
import { isoTime } from '../base/context.ts'
import type {
  DeploymentRow,
  InstallerRow,
  TargetRow,
} from '../slices/deployments/tables/deployments.repo.ts'

/** A Friday before a clock change in Europe. */
export const START_MS = Date.UTC(2026, 2, 27, 10)

export type WorldSpec = {
  /** One entry per device. */
  online: boolean[]
  packages: { installer: 'ready' | 'fetching' | 'failed' | 'none'; needsPrevious: boolean }[]
  strategyType: StrategyType
  strategy: Strategy
  offlinePolicy: 'fail' | 'wait'
  waitMinutes: number
  /** Minutes from the start; null: immediately. */
  scheduledInMinutes: number | null
  window: MaintenanceWindow | null
}

export function rowsOf(spec: WorldSpec) {
  const deviceCount = spec.online.length
  const sizes = waveSizes(spec.strategyType, spec.strategy, deviceCount)
  const waves = sizes.flatMap((size, i) => Array<number>(size).fill(i + 1))
  const createdAt = isoTime(START_MS)
  const installers = new Map<InstallerId, InstallerRow>()
  const needs = new Map<SoftwareId, { id: SoftwareId; name: string }[]>()
  const targets: TargetRow[] = []
  spec.packages.forEach(({ installer, needsPrevious }, position) => {
    const id = position + 1
    if (installer !== 'none')
      installers.set(
        id as InstallerId,
        {
          ...{ id, fetch_state: installer, timeout_seconds: 3600, sealed_args: null },
          ...{ fetch_message: null, fetch_code: null, fetch_params: null },
        } as InstallerRow,
      )
    if (needsPrevious && position > 0)
      needs.set(id as SoftwareId, [{ id: position as SoftwareId, name: `Package ${position}` }])
  })
  for (let device = 1; device <= deviceCount; device++)
    spec.packages.forEach(({ installer }, position) =>
      targets.push({
        id: (targets.length + 1) as TargetId,
        deployment_id: 1 as DeploymentId,
        device_id: device as DeviceId,
        software_id: (position + 1) as SoftwareId,
        installer_id: installer === 'none' ? null : ((position + 1) as InstallerId),
        position,
        wave: waves[device - 1]!,
        deployment_status: 'pending',
        reason: null,
        attempt: 1,
        attempt_id: null,
        result_message: null,
        result_code: null,
        result_params: null,
        error_details: null,
        exit_code: null,
        bytes: null,
        total_bytes: null,
        started_at: null,
        completed_at: null,
        since: createdAt,
        offered_at_ms: null,
        not_before_ms: null,
        deadline_ms: null,
        retry_until_ms: null,
        held_by: null,
        held_since_ms: null,
        restart_id: null,
      }),
    )
  const deployment: DeploymentRow = {
    id: 1 as DeploymentId,
    name: 'A deployment',
    status: 'pending',
    created_by: null,
    created_by_name: null,
    chosen: null,
    created_at: createdAt,
    started_at: null,
    ended_at: null,
    action: 'install',
    strategy_type: spec.strategyType,
    strategy: spec.strategy,
    wave_count: sizes.length,
    wave: 0,
    wave_ended_at_ms: null,
    ready_since_ms: null,
    round_completed: 0,
    round_failed: 0,
    scheduled_at:
      spec.scheduledInMinutes === null
        ? null
        : isoTime(START_MS + spec.scheduledInMinutes * 60_000),
    maintenance_window: spec.window,
    offline_policy: spec.offlinePolicy,
    wait_minutes: spec.waitMinutes,
    timeout_seconds: null,
    reboot: 'never',
    reboot_delay_minutes: 10,
    restarts_canceled: false,
    allow_removals: false,
    paused: false,
    pause_reason: null,
    pause_message: null,
    pause_code: null,
    pause_params: null,
    canceling: false,
    software_names: [],
    device_count: deviceCount,
    pending: targets.length,
    downloading: 0,
    installing: 0,
    completed: 0,
    failed: 0,
    skipped: 0,
  }
  return { deployment, targets, installers, needs }
}
