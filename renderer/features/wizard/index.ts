/** What other rooms may use of wizard: state and words. */
export { joinIds } from './preselect.ts'
