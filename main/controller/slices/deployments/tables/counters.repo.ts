/**
 * How many targets of a deployment are in each state, as columns of its row. The counters change with the states, in the same
 * transaction: they are collected while it runs and written once before it commits.
 */
import type { Statement } from 'better-sqlite3'
import type { TargetCounts } from '#shared/domain/deployment-state.ts'
import type { DeploymentId } from '#shared/domain/ids.ts'
import type { TargetState } from '#shared/domain/target-state.ts'
import type { Store } from '../../../store/store.ts'

export type Counters = ReturnType<typeof createCounters>
export function createCounters({ sqlite, transaction }: Pick<Store, 'sqlite' | 'transaction'>) {
  const moves = new Map<DeploymentId, Map<string, number>>()
  const count = (id: DeploymentId, column: string, by: number): void => {
    const of = moves.get(id) ?? new Map<string, number>()
    moves.set(id, of.set(column, (of.get(column) ?? 0) + by))
  }
  const counters = new Map<string, Statement<[number, number]>>()
  function writeCounters(): void {
    for (const [id, of] of moves)
      for (const [column, by] of of) {
        if (by === 0) continue
        let statement = counters.get(column)
        if (!statement) {
          // Column names come from states, never from input. A late success may belong to a failure of an earlier round: clamp at 0.
          const sum = column === 'round_failed' ? 'max(0, round_failed + ?)' : `${column} + ?`
          statement = sqlite.prepare<[number, number]>(
            `update deployments set ${column} = ${sum} where id = ?`,
          )
          counters.set(column, statement)
        }
        statement.run(by, id)
      }
    moves.clear()
  }

  return {
    /** Runs one transaction over targets and writes the deployments' counters at its end. Discards everything when `work` throws. */
    transaction: <T>(work: () => T): T => {
      try {
        return transaction(() => {
          const result = work()
          writeCounters()
          return result
        })
      } finally {
        moves.clear()
      }
    },
    /** What the current transaction has added to a deployment's counter so far. */
    onTheWay: (id: DeploymentId, state: keyof TargetCounts): number =>
      moves.get(id)?.get(state) ?? 0,
    /** Counts a target's change of state. Call it inside `transaction`. */
    move(id: DeploymentId, from: TargetState, to: TargetState): void {
      if (from === to) return
      count(id, from, -1)
      count(id, to, 1)
      if (to === 'completed' || to === 'failed') count(id, `round_${to}`, 1)
      // A late result: this was not a failure of this round after all.
      if (from === 'failed' && to === 'completed') count(id, 'round_failed', -1)
    },
  }
}
