/**
 * Records every committed change of a target's state and reason, however short-lived: triggers in
 * the controller's database record them, added and read through a separate connection. Can also
 * make the database refuse writes.
 */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { DeploymentId, TargetId } from '#shared/domain/ids.ts'

export type Observer = ReturnType<typeof openObserver>

const changed = (columns: string[]) => columns.map((c) => `old.${c} is not new.${c}`).join(' or ')

export function openObserver(dataDir: string) {
  const db = new Database(join(dataDir, 'deployx.db'), { timeout: 60_000 })
  const target = `insert into observed (target_id, seen)
    values (new.id, trim(new.deployment_status || ' ' || coalesce(new.reason, '')));`
  db.exec(`
    create table observed (seq integer primary key, target_id integer, seen text);
    create trigger observe_new after insert on deployment_targets begin ${target} end;
    create trigger observe_change after update on deployment_targets
      when ${changed(['deployment_status', 'reason'])} begin ${target} end;`)
  const chain = db
    .prepare<[number], string>('select seen from observed where target_id = ? order by seq')
    .pluck()
  const state = db
    .prepare<[number], string>('select deployment_status from deployment_targets where id = ?')
    .pluck()
  const status = db.prepare<[number], string>('select status from deployments where id = ?').pluck()
  const count = (sql: string, ...values: unknown[]): number =>
    db
      .prepare<unknown[], number>(sql)
      .pluck()
      .get(...values) ?? 0
  let refusals = 0

  return {
    /** Every `state` or `state reason` of a target, in order. */
    chain: (id: TargetId): string[] => chain.all(id),
    state: (id: TargetId): string | undefined => state.get(id),
    status: (id: DeploymentId): string | undefined => status.get(id),
    attempts: (id: TargetId): number =>
      count('select count(*) from deployment_attempts where target_id = ?', id),
    count,
    /**
     * From now on the database refuses this, as a full or broken disk would. Returns the function
     * that ends it.
     * @param when which rows, in SQL over `new`
     */
    refuse(what: string, when: string): () => void {
      const name = `refuse_${++refusals}`
      db.exec(
        `create trigger ${name} before ${what} when ${when} begin select raise(abort, 'refused'); end`,
      )
      return () => void db.exec(`drop trigger ${name}`)
    },
    close: (): void => void db.close(),
  }
}
