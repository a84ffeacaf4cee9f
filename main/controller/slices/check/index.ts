/** Checks of the controller: the quick one of every start, and the full one on request. */
export { checkAtStart, type Recover } from './start.ts'
export { checkFolder, type CheckInput, type CheckProgress } from './full.ts'
export { hubAddresses as lanAddresses } from '../../base/lan-addresses.ts'
export { createChecks, type Checks } from './checks.ts'
