/** State and texts of the software feature that other features may import. */
export { missingNeeds, withNeeds } from './needs.ts'
export { checkReadout, entryChanges, installerChanges, toReadout } from './readout.ts'
export { useSoftwareStore } from './software-store.ts'
