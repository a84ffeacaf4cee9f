/** State and texts of the uploads feature that other features may import. */
export { MANIFEST_EXTENSIONS } from './manifests.ts'
export { useUploadsStore } from './uploads-store.ts'
