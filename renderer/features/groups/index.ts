/** State and texts of the groups feature that other features may import. */
export { useGroupsStore } from './groups-store.ts'
