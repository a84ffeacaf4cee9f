/** What other rooms may show of deployments. */
export { default as RemovalMark } from './RemovalMark.vue'
export { useStopAll } from './use-stop-all.ts'
