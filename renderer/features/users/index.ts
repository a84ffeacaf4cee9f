/** What other rooms may use of users: state and words. */
export { useUsersStore } from './users-store.ts'
export { ROLE_NAME } from './users.ts'
