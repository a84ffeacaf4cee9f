/** What other rooms may use of software: state and words. */
export { missingNeeds, withNeeds } from './needs.ts'
export { checkReadout, entryChanges, installerChanges, toReadout } from './readout.ts'
export { useSoftwareStore } from './software-store.ts'
