/** What a report of an agent changes, as data. */
import type { TargetEvent } from '#shared/domain/target-state.ts'
import type { TargetChange } from '../tables/rows.ts'
import type { EngineTimings } from '../timings.ts'
import type { AttemptEnd } from './writes.ts'

/** What the effects of a report depend on besides its attempt and target. */
export type ReportContext = {
  isCanceling: boolean
  /** The deployment's own limit for the installer, then the installer's. */
  timeoutSeconds: number | null
  /** What is wrong with the controller's own copy of the package, as far as known. */
  fileFault: 'damaged' | 'missing' | null
  /** What it installs lands in the profile of the agent's own user. */
  isForOneUser: boolean
}
export type ReportTimings = Pick<
  EngineTimings,
  | 'downloadLimitMs'
  | 'installGraceMs'
  | 'heldRetryMs'
  | 'offerRetryMs'
  | 'busyRetryMs'
  | 'retryLaterMs'
  | 'retryLaterLimitMs'
>
export type Judgement = {
  /** Transitions of the target, in order. */
  events: readonly TargetEvent[]
  /** Null: the target stays as it is. */
  change: TargetChange | null
  /** How the attempt ends; null: it does not. */
  end: AttemptEnd | null
  /** The engine has to look at the deployment. */
  needsRun: boolean
  /** The device became free for other work. */
  freesDevice: boolean
  /** The PC received a file with the wrong hash. */
  hasWrongHash: boolean
  /** The deployment's outcome has to be computed again. */
  recomputesOutcome: boolean
}
export const NOTHING: Judgement = {
  events: [],
  change: null,
  end: null,
  needsRun: false,
  freesDevice: false,
  hasWrongHash: false,
  recomputesOutcome: false,
}
