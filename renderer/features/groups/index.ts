/** What other rooms may use of groups: state and words. */
export { useGroupsStore } from './groups-store.ts'
