/** Audit records of restarts: whose deployment restarted which PC, with how much notice, and how it ended. */
import type { Audit } from '../../audit/index.ts'
import type { DeploymentsRepo } from '../tables/deployments.repo.ts'
import type { RestartRow } from './restarts.repo.ts'

export type RestartAuditRecords = ReturnType<typeof createRestartAuditRecords>

export function createRestartAuditRecords(deps: {
  audit: Pick<Audit, 'record'>
  deployments: Pick<DeploymentsRepo, 'byId' | 'creatorName'>
  nameOf: (id: RestartRow['device_id']) => string
}) {
  const { audit, deployments, nameOf } = deps
  const ids = ({ device_id, deployment_id }: RestartRow) => ({
    deviceId: device_id,
    deploymentId: deployment_id,
  })
  return {
    /** Call each in the transaction that it records. */
    ordered(row: RestartRow): void {
      const deployment = deployments.byId(row.deployment_id)!
      const by = deployments.creatorName(deployment)
      const minutes = deployment.reboot_delay_minutes
      audit.record(
        null,
        'deployment.restart',
        `device ${nameOf(row.device_id)}`,
        `for deployment ${deployment.name}${by === null ? '' : ` of ${by}`}, with a notice of ${minutes} min`,
        { ...ids(row), data: { restart_id: row.restart_id, notice_minutes: minutes } },
      )
    },
    ended(row: RestartRow): void {
      const deployment = deployments.byId(row.deployment_id)!
      audit.record(
        null,
        'deployment.restart_end',
        `device ${nameOf(row.device_id)}`,
        `for deployment ${deployment.name}: ${row.state}. ${row.message ?? ''}`.trim(),
        {
          ...ids(row),
          outcome: row.state === 'failed' || row.state === 'given_up' ? 'failed' : 'done',
          data: { restart_id: row.restart_id, state: row.state },
        },
      )
    },
  }
}
