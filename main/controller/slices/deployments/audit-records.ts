/** Audit records of a deployment: which packages, by hash and arguments, to which devices, and how it ended. */
import { createHash } from 'node:crypto'
import type { DeploymentCompleted } from '#shared/contract/feed.ts'
import type { CreateDeployment } from '#shared/contract/rest/deployment-requests.ts'
import type { DeploymentId, DeviceId } from '#shared/domain/ids.ts'
import { describeAddress } from '#shared/node/web-address.ts'
import type { Audit } from '../audit/index.ts'
import type { Viewer } from '../../base/context.ts'
import { softwareTitle } from './request/choose.ts'
import type { DeploymentRow, DeploymentsRepo } from './tables/deployments.repo.ts'

/** Devices named one by one; a hash covers the whole list. */
const DEVICES_NAMED = 200
const ARGUMENTS_LIMIT = 2_000

type Named = { id: DeviceId; name: string }

/** The count, the first devices, and the SHA-256 of all ids in ascending order, joined by commas. */
export function deviceList(devices: readonly Named[]) {
  const ids = devices.map(({ id }) => id).sort((a, b) => a - b)
  return {
    device_count: ids.length,
    devices: devices.slice(0, DEVICES_NAMED).map(({ id, name }) => ({ id, name })),
    devices_sha256: createHash('sha256').update(ids.join(',')).digest('hex'),
  }
}

export type AuditRecords = ReturnType<typeof createAuditRecords>
export function createAuditRecords(deps: {
  audit: Pick<Audit, 'record'>
  repo: Pick<DeploymentsRepo, 'packagesOf'>
}) {
  /** The query of an address may hold a secret, so only its hash identifies the whole address. */
  const packages = (id: DeploymentId) =>
    deps.repo.packagesOf(id).map(({ source_url, ...row }) => ({
      ...row,
      install_args: row.install_args.slice(0, ARGUMENTS_LIMIT),
      source_url: source_url && describeAddress(source_url),
      source_url_sha256: source_url && createHash('sha256').update(source_url).digest('hex'),
    }))

  return {
    /** Call each in the transaction that it records. */
    created(
      viewer: Viewer,
      row: DeploymentRow,
      input: CreateDeployment,
      software: readonly { name: string; version: string }[],
      devices: readonly Named[],
    ): void {
      const isInstall = input.action === 'install'
      const what = software.map(softwareTitle).join(', ')
      const names = devices.map(({ name }) => name).join(', ')
      deps.audit.record(
        viewer,
        'deployment.create',
        `deployment ${row.name}`,
        `${isInstall ? '' : 'remove '}${what} ${isInstall ? 'to' : 'from'} ${devices.length} devices: ${names}`,
        {
          deploymentId: row.id,
          data: {
            action: input.action,
            packages: packages(row.id),
            ...deviceList(devices),
            group_ids: input.group_ids,
            strategy_type: input.strategy_type,
            strategy: input.strategy,
            offline_policy: input.offline_policy,
            scheduled_at: row.scheduled_at,
            maintenance_window: row.maintenance_window,
            reboot: row.reboot,
            reboot_delay_minutes: row.reboot_delay_minutes,
            allow_removals: row.allow_removals,
          },
        },
      )
    },
    /** A scheduled deployment starts: records which devices it reaches. */
    resolved(
      row: DeploymentRow,
      devices: readonly Named[],
      { joined, left }: { joined: number; left: number },
    ): void {
      deps.audit.record(
        null,
        'deployment.start',
        `deployment ${row.name}`,
        `to ${devices.length} devices; since it was created ${joined} joined and ${left} left`,
        {
          deploymentId: row.id,
          data: { ...deviceList(devices), joined, left, group_ids: row.chosen?.group_ids ?? [] },
        },
      )
    },
    /** Lists the packages again, because those fetched from a URL have a hash by now. */
    ended(row: DeploymentRow, end: DeploymentCompleted): void {
      const { status, success_count, failure_count, skipped_count, total_count } = end
      deps.audit.record(
        null,
        'deployment.end',
        `deployment ${row.name}`,
        `${status}: ${success_count} completed, ${failure_count} failed, ${skipped_count} skipped of ${total_count}`,
        {
          deploymentId: row.id,
          outcome: failure_count > 0 ? 'failed' : 'done',
          data: {
            status,
            completed: success_count,
            failed: failure_count,
            skipped: skipped_count,
            total: total_count,
            packages: packages(row.id),
          },
        },
      )
    },
    pausedByFailures(row: Pick<DeploymentRow, 'id' | 'name'>, message: string): void {
      deps.audit.record(null, 'deployment.pause', `deployment ${row.name}`, message, {
        deploymentId: row.id,
      })
    },
  }
}
