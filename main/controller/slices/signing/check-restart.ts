/**
 * Which restarts may be signed: those that the store has as ordered, for a deployment that restarts
 * PCs and was not cancelled.
 */
import type Database from 'better-sqlite3'
import { RestartPayload } from '#shared/contract/agent/restart.ts'
import { RUNNING_TARGETS } from '../../store/state-lists.ts'

type RestartRow = {
  deployment_id: number
  device_id: number
  state: string
  boot_id: string | null
  calling_off: string | null
}
type DeploymentRow = {
  name: string
  status: string
  reboot: string
  reboot_delay_minutes: number
  canceling: 0 | 1
  restarts_canceled: 0 | 1
}

/** @returns true for a payload that may be signed. @throws what the database throws */
export function createRestartCheck(db: Database.Database): (payload: unknown) => boolean {
  const restart = db.prepare<[string], RestartRow>(
    'select deployment_id, device_id, state, boot_id, calling_off from device_restarts where restart_id = ?',
  )
  const deployment = db.prepare<[number], DeploymentRow>(
    'select name, status, reboot, reboot_delay_minutes, canceling, restarts_canceled from deployments where id = ?',
  )
  const works = db
    .prepare<[number], number>(
      `select 1 from deployment_targets where device_id = ?
          and (deployment_status in ${RUNNING_TARGETS} or offered_at_ms is not null) limit 1`,
    )
    .pluck()

  return (raw) => {
    const parsed = RestartPayload.safeParse(raw)
    if (!parsed.success) return false
    const payload = parsed.data
    const row = restart.get(payload.restart_id)
    if (row?.device_id !== payload.device_id || row.deployment_id !== payload.deployment_id)
      return false
    if (payload.action === 'call_off') return row.calling_off !== null
    const of = deployment.get(row.deployment_id)
    return (
      row.state === 'ordered' &&
      row.calling_off === null &&
      row.boot_id === payload.boot_id &&
      of?.reboot === 'if_needed' &&
      of.status !== 'canceled' &&
      of.canceling === 0 &&
      of.restarts_canceled === 0 &&
      of.reboot_delay_minutes * 60 === payload.delay_seconds &&
      of.name === payload.deployment_name &&
      // Never restart into a running installer.
      works.get(payload.device_id) === undefined
    )
  }
}
