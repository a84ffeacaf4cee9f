/** What other rooms may show of dashboard. */
export { default as DashboardPage } from './DashboardPage.vue'
