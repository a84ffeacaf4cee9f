import type { DeviceId } from '#shared/domain/ids.ts'
import { agentUpdates } from '../../store/schema/index.ts'
import type { Store } from '../../store/store.ts'

export type UpdateRow = typeof agentUpdates.$inferSelect

export function createAgentUpdatesRepo({ db }: Store) {
  return {
    all: (): Map<DeviceId, UpdateRow> =>
      new Map(
        db
          .select()
          .from(agentUpdates)
          .all()
          .map((row) => [row.device_id, row]),
      ),
    put(row: UpdateRow): void {
      db.insert(agentUpdates)
        .values(row)
        .onConflictDoUpdate({ target: agentUpdates.device_id, set: row })
        .run()
    },
  }
}
