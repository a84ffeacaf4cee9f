/** Whether the search palette is open. */
import { defineStore } from 'pinia'
import { ref } from 'vue'

export const usePaletteStore = defineStore('palette', () => ({ open: ref(false) }))
