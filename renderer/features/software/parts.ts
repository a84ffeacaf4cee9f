/** Components of the software feature that other features may import. */
export { default as FactBadge } from './FactBadge.vue'
export { default as InstallerFields } from './InstallerFields.vue'
export { default as InstallerNotes } from './InstallerNotes.vue'
export { default as VersionToggle } from './VersionToggle.vue'
export { default as NoSwitchMark } from './NoSwitchMark.vue'
