/** What other rooms may use of account: state and words. */
export { useSessionStore } from './session-store.ts'
