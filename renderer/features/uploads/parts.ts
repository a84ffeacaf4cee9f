/** Components of the uploads feature that other features may import. */
export { default as DropZone } from './DropZone.vue'
export { default as UploadSheet } from './UploadSheet.vue'
