/** Pages of the audit log. */
import type { AuditEntry } from '#shared/contract/rest/audit.ts'
import type { DeploymentId, DeviceId } from '#shared/domain/ids.ts'
import { isoTime, type Viewer } from '../../base/context.ts'
import type { AuditFilter, AuditRepo, AuditRow } from './audit.repo.ts'

function toEntry(row: AuditRow): AuditEntry {
  return {
    id: row.id,
    at: row.at,
    actor: row.actor,
    action: row.action,
    subject: row.subject,
    details: row.details,
    address: row.address,
    outcome: row.outcome,
    device_id: row.device_id,
    deployment_id: row.deployment_id,
    data: row.data === null ? null : (JSON.parse(row.data) as Record<string, unknown>),
    hash: row.hash,
  }
}

export function createListing(deps: {
  repo: AuditRepo
  /** Deployments that have, or had, this device as a target. */
  deploymentsOfDevice?: ((id: DeviceId) => DeploymentId[]) | undefined
  /** Devices that this one replaced: entries about them concern it too. */
  predecessorsOfDevice?: ((id: DeviceId) => DeviceId[]) | undefined
}) {
  const { repo } = deps
  return {
    /** Newest first. Technicians see their own entries. */
    list(
      viewer: Viewer,
      page: {
        limit: number
        offset: number
        before?: number | undefined
        after?: number | undefined
      } & Omit<AuditFilter, 'actorId' | 'deploymentsOfDevice' | 'predecessors'>,
    ): {
      entries: AuditEntry[]
      total: number
      total_is_capped: boolean
      next_before: number | null
      next_after: number | null
    } {
      const { deviceId, since, until } = page
      // Times are compared as text, so convert them to the form of the entries.
      const utc = (time: string | undefined) => time && isoTime(Date.parse(time))
      const filter = {
        actor: page.actor,
        action: page.action,
        deviceId,
        deploymentId: page.deploymentId,
        q: page.q,
        since: utc(since),
        until: utc(until),
        actorId: viewer.role === 'admin' ? null : viewer.id,
        deploymentsOfDevice:
          deviceId === undefined ? undefined : deps.deploymentsOfDevice?.(deviceId),
        predecessors: deviceId === undefined ? undefined : deps.predecessorsOfDevice?.(deviceId),
      }
      // The list starts with the newest entry: those after one in the list are those before it in time.
      const before = Math.min(page.before ?? Infinity, page.after ?? Infinity)
      const { rows, total, isCapped } = repo.page(filter, {
        limit: page.limit + 1,
        offset: page.offset,
        before: before === Infinity ? undefined : before,
      })
      const shown = rows.slice(0, page.limit)
      const next = rows.length > shown.length ? (shown.at(-1)?.id ?? null) : null
      return {
        entries: shown.map(toEntry),
        total,
        total_is_capped: isCapped,
        next_before: next,
        next_after: next,
      }
    },
    facets: (viewer: Viewer): { actors: string[]; actions: string[] } =>
      repo.facets(viewer.role === 'admin' ? null : viewer.id),
  }
}
