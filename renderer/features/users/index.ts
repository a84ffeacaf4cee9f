/** State and texts of the users feature that other features may import. */
export { useUsersStore } from './users-store.ts'
export { ROLE_NAME } from './users.ts'
