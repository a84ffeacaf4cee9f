/** Pages and their addresses. Details open in a slide-over over their list and have an address of their own. */
import { createRouter, createWebHashHistory } from 'vue-router'
import type { Router, RouteRecordRaw } from 'vue-router'
import AuditPage from './pages/AuditPage.vue'
import DashboardPage from './pages/DashboardPage.vue'
import DeploymentPage from './pages/DeploymentPage.vue'
import DeploymentsPage from './pages/DeploymentsPage.vue'
import DevicesPage from './pages/DevicesPage.vue'
import GroupsPage from './pages/GroupsPage.vue'
import NotFoundPage from './pages/NotFoundPage.vue'
import SettingsPage from './pages/SettingsPage.vue'
import SoftwarePage from './pages/SoftwarePage.vue'
import WizardPage from './pages/WizardPage.vue'

declare module 'vue-router' {
  interface RouteMeta {
    title?: string
    /** Without the sidebar: one thing at a time. */
    focused?: boolean
  }
}

/** Rendered by the page itself, which reads the address. */
const inPage = { render: () => null }

const routes: RouteRecordRaw[] = [
  { path: '/', name: 'dashboard', component: DashboardPage, meta: { title: 'Dashboard' } },
  {
    path: '/deployments',
    name: 'deployments',
    component: DeploymentsPage,
    meta: { title: 'Deployments' },
  },
  {
    path: '/deployments/new',
    name: 'new-deployment',
    component: WizardPage,
    meta: { title: 'New deployment', focused: true },
  },
  {
    path: '/deployments/:id(\\d+)',
    name: 'deployment',
    component: DeploymentPage,
    meta: { title: 'Deployment' },
    children: [{ path: 'targets/:targetId(\\d+)', name: 'target', component: inPage }],
  },
  {
    path: '/devices',
    name: 'devices',
    component: DevicesPage,
    meta: { title: 'Devices' },
    children: [
      { path: 'add', name: 'add-devices', component: inPage },
      { path: ':id(\\d+)', name: 'device', component: inPage },
    ],
  },
  {
    path: '/groups',
    name: 'groups',
    component: GroupsPage,
    meta: { title: 'Groups' },
    children: [
      { path: 'new', name: 'new-group', component: inPage },
      { path: ':id(\\d+)', name: 'group', component: inPage },
    ],
  },
  {
    path: '/software',
    name: 'software',
    component: SoftwarePage,
    meta: { title: 'Software' },
    children: [{ path: ':id(\\d+)', name: 'software-item', component: inPage }],
  },
  { path: '/audit', name: 'audit', component: AuditPage, meta: { title: 'Audit' } },
  { path: '/settings', name: 'settings', component: SettingsPage, meta: { title: 'Settings' } },
  {
    path: '/:rest(.*)*',
    name: 'not-found',
    component: NotFoundPage,
    meta: { title: 'Not found' },
  },
]

export function createConsoleRouter(): Router {
  const router = createRouter({ history: createWebHashHistory(), routes })
  router.afterEach((to) => {
    document.title = to.meta.title ? `${to.meta.title} · DeployX` : 'DeployX'
  })
  return router
}
