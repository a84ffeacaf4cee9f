/** What other rooms may use of uploads: state and words. */
export { useUploadsStore } from './uploads-store.ts'
