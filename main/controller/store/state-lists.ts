/**
 * Lists of states for SQL, derived from the state tables. Partial indexes contain the same text,
 * because SQLite uses one only where a query repeats its condition.
 */
import { ACTIVE_DEPLOYMENT_STATES } from '#shared/domain/deployment-state.ts'
import { OPEN_RESTART_STATES } from '#shared/domain/restart-state.ts'
import { OPEN_TARGET_STATES, RUNNING_TARGET_STATES } from '#shared/domain/target-state.ts'

const list = (states: readonly string[]): string => `(${states.map((s) => `'${s}'`).join(', ')})`

export const OPEN_TARGETS = list(OPEN_TARGET_STATES)
export const RUNNING_TARGETS = list(RUNNING_TARGET_STATES)
export const OPEN_RESTARTS = list(OPEN_RESTART_STATES)
export const ACTIVE_DEPLOYMENTS = list(ACTIVE_DEPLOYMENT_STATES)
