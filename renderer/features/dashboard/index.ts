/** What other rooms may use of dashboard: state and words. */
export { useStatsStore } from './stats-store.ts'
export { verdictInWords } from './verdict.ts'
