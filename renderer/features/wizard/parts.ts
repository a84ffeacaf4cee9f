/** Components of the wizard feature that other features may import. */
export { default as DraftNote } from './DraftNote.vue'
