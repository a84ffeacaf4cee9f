/** State and texts of the software feature that other features may import. */
export { missingDependencies, withDependencies } from './dependencies.ts'
export { notesOf, scopeInWords, signerInWords, technologyInWords } from './knowledge-words.ts'
export { lacksSwitch, proposedChanges, reasonsOf, withProposals } from './proposals.ts'
export { checkReadout, entryChanges, installerChanges, toReadout } from './readout.ts'
export { useSoftwareStore } from './software-store.ts'
export { sameFileOf } from './same-file.ts'
export { arrivalOf, foldVersions, titleOf, unfolded } from './versions.ts'
