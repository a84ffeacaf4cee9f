/** Components of the dashboard feature that other features may import. */
export { default as DashboardPage } from './DashboardPage.vue'
