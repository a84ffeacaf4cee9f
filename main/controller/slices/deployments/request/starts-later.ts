/** Whether a deployment starts immediately or later. Pure. */
import { windowAt } from '#shared/domain/maintenance-window.ts'
import type { DeploymentRow } from '../tables/deployments.repo.ts'

/** True if its schedule or its maintenance window keeps it from starting now. */
export function startsLater(
  row: Pick<DeploymentRow, 'scheduled_at' | 'maintenance_window'>,
  nowMs: number,
): boolean {
  if (row.scheduled_at !== null && Date.parse(row.scheduled_at) > nowMs) return true
  return row.maintenance_window !== null && !windowAt(row.maintenance_window, nowMs).isOpen
}
