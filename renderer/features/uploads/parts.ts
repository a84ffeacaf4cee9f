/** What other rooms may show of uploads. */
export { default as DropZone } from './DropZone.vue'
export { default as UploadSheet } from './UploadSheet.vue'
