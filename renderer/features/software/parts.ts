/** What other rooms may show of software. */
export { default as InstallerFields } from './InstallerFields.vue'
