/** Shifts the stored times of the current run when the clock was changed or the controller was suspended. */
import type { ClockChange } from '../../../base/context.ts'
import { ACTIVE_DEPLOYMENTS, OPEN_RESTARTS, OPEN_TARGETS } from '../../../store/state-lists.ts'
import type { Store } from '../../../store/store.ts'

/** Selected by active deployment, so that the query does not read years of targets. */
const IS_OPEN = `deployment_id in (select id from deployments where status in ${ACTIVE_DEPLOYMENTS})
  and deployment_status in ${OPEN_TARGETS}`
const MOVED = "strftime('%Y-%m-%dT%H:%M:%fZ', {column}, printf('%+.3f seconds', @jump / 1000.0))"
const movedText = (column: string): string => `${column} = ${MOVED.replace('{column}', column)}`
const moved = (column: string, by: string): string => `${column} = ${column} + @${by}`

export type ClockRepo = ReturnType<typeof createClockRepo>

export function createClockRepo({ sqlite, transaction }: Store) {
  type By = { shift: number; jump: number }
  // Null stays null. What has ended keeps its times, because people read them.
  const targets = sqlite.prepare<[By]>(
    `update deployment_targets set ${[
      ...['offered_at_ms', 'not_before_ms', 'deadline_ms', 'retry_until_ms', 'held_since_ms'].map(
        (column) => moved(column, 'shift'),
      ),
      ...['since', 'started_at'].map(movedText),
    ].join()} where ${IS_OPEN}`,
  )
  const deployments = sqlite.prepare<[By]>(
    `update deployments set ${[
      ...['ready_since_ms', 'wave_ended_at_ms'].map((column) => moved(column, 'shift')),
      movedText('started_at'),
    ].join()} where status in ${ACTIVE_DEPLOYMENTS}`,
  )
  // A PC restarts by its own clock, whether the controller is suspended or not.
  const restarts = sqlite.prepare<[Pick<By, 'jump'>]>(
    `update device_restarts set ${[
      ...['ready_since_ms', 'not_before_ms', 'ordered_at_ms', 'due_at_ms'].map((column) =>
        moved(column, 'jump'),
      ),
      ...['since', 'created_at'].map(movedText),
    ].join()} where state in ${OPEN_RESTARTS}`,
  )
  const extend = sqlite.prepare<[{ until: number }]>(
    `update deployment_targets set deadline_ms = max(deadline_ms, @until)
      where ${IS_OPEN} and deadline_ms is not null`,
  )
  return {
    /** Shifts open deployments, targets and restarts, so that every deadline stays as far away as it was. */
    shift({ shiftMs, jumpMs }: Pick<ClockChange, 'shiftMs' | 'jumpMs'>): void {
      transaction(() => {
        targets.run({ shift: shiftMs, jump: jumpMs })
        deployments.run({ shift: shiftMs, jump: jumpMs })
        restarts.run({ jump: jumpMs })
      })
    },
    /** After downtime of the controller: extends deadlines that end earlier, so that agents have until then to report. */
    extendTo: (untilMs: number): void => void extend.run({ until: untilMs }),
  }
}
