/** State and texts of the wizard feature that other features may import. */
export { joinIds } from './preselect.ts'
