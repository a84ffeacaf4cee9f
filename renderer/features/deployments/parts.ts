/** Components of the deployments feature that other features may import. */
export { default as RemovalMark } from './RemovalMark.vue'
export { useStopAll } from './use-stop-all.ts'
