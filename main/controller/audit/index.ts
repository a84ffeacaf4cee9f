/** The audit trail: who did what to what, when. Entries are only ever added. */
import type { AuditEntry } from '#shared/contract/entities.ts'
import { isoTime, type Now, type Viewer } from '../context.ts'
import type { Store } from '../store/store.ts'
import { createAuditRepo } from './audit.repo.ts'

export type Audit = ReturnType<typeof createAudit>

export function createAudit(deps: { store: Store; now: Now }) {
  const repo = createAuditRepo(deps.store)
  return {
    /** Call it inside the transaction of what it tells about. `actor` null: the controller itself, or somebody unknown. */
    record(
      actor: Pick<Viewer, 'id' | 'username'> | null,
      action: string,
      subject: string,
      details: string,
    ): void {
      repo.insert({
        at: isoTime(deps.now()),
        actor_id: actor?.id ?? null,
        actor: actor?.username ?? 'system',
        action,
        subject: subject.slice(0, 500),
        details: details.slice(0, 4000),
      })
    },
    /** Newest first. A technician sees his own entries. */
    list(
      viewer: Viewer,
      page: { limit: number; offset: number },
    ): { entries: AuditEntry[]; total: number } {
      const { rows, total } = repo.page(
        viewer.role === 'admin' ? null : viewer.id,
        page.limit,
        page.offset,
      )
      return {
        entries: rows.map(({ id, at, actor, action, subject, details }) => ({
          id,
          at,
          actor,
          action,
          subject,
          details,
        })),
        total,
      }
    },
  }
}
