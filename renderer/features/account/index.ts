/** State and texts of the account feature that other features may import. */
export { useSessionStore } from './session-store.ts'
