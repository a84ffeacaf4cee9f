/** State and texts of the dashboard feature that other features may import. */
export { useStatsStore } from './stats-store.ts'
export { verdictInWords } from './verdict.ts'
