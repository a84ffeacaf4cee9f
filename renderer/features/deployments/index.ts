/** State and texts of the deployments feature that other features may import. */
export { useDeploymentsStore } from './deployments-store.ts'
export { useLiveStore } from './live-store.ts'
export { useOutputStore } from './output-store.ts'
export { reasonText } from './reasons.ts'
export { isRemoval, stateInWords, whatInWords } from './removal-words.ts'
export { restartLines } from './restart-words.ts'
export {
  clockNote,
  limitInWords,
  momentInWords,
  waveLines,
  wavesInWords,
  windowWithZone,
} from './rollout-words.ts'
export {
  dayOf,
  limitsFailures,
  oddStartInWords,
  proposeStart,
  RolloutDraft,
  rolloutRequest,
  startAtMs,
  strategyOf,
  tidyTime,
  wavesOf,
  windowOf,
} from './rollout.ts'
