/** State and texts of the uploads feature that other features may import. */
export { useUploadsStore } from './uploads-store.ts'
