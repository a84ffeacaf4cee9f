/** What other rooms may show of wizard. */
export { default as DraftNote } from './DraftNote.vue'
