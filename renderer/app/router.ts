/** Pages and their addresses. Details open in a slide-over above their list and have their own address. */
import { createRouter, createWebHashHistory } from 'vue-router'
import type { Router, RouteRecordRaw } from 'vue-router'
import { DashboardPage } from '../features/dashboard/parts.ts'
import { t } from './texts.ts'

declare module 'vue-router' {
  interface RouteMeta {
    title?: string
    /** Without the sidebar, for pages with a single task. */
    focused?: boolean
  }
}

/** The first window needs one page. The others load after it has rendered, or earlier when they are opened. */
const later = {
  audit: () => import('../features/audit/AuditPage.vue'),
  deployment: () => import('../features/deployments/DeploymentPage.vue'),
  deployments: () => import('../features/deployments/DeploymentsPage.vue'),
  devices: () => import('../features/devices/DevicesPage.vue'),
  groups: () => import('../features/groups/GroupsPage.vue'),
  notFound: () => import('./NotFoundPage.vue'),
  settings: () => import('../features/settings/SettingsPage.vue'),
  software: () => import('../features/software/SoftwarePage.vue'),
  users: () => import('../features/users/UsersPage.vue'),
  wizard: () => import('../features/wizard/WizardPage.vue'),
}
const READ_AFTER_MS = 1_000

function readOtherPages(): void {
  // If loading fails now, opening the page tries again and reports the failure.
  for (const read of Object.values(later)) read().catch(() => undefined)
}

/** Rendered by the page itself, which reads the route. */
const inPage = { render: () => null }

const routes: RouteRecordRaw[] = [
  {
    path: '/',
    name: 'dashboard',
    component: DashboardPage,
    meta: { title: t('titles.dashboard') },
  },
  {
    path: '/deployments',
    name: 'deployments',
    component: later.deployments,
    meta: { title: t('titles.deployments') },
  },
  {
    path: '/deployments/new',
    name: 'new-deployment',
    component: later.wizard,
    meta: { title: t('titles.newDeployment'), focused: true },
  },
  {
    path: '/deployments/:id(\\d+)',
    name: 'deployment',
    component: later.deployment,
    meta: { title: t('titles.deployment') },
    children: [{ path: 'targets/:targetId(\\d+)', name: 'target', component: inPage }],
  },
  {
    path: '/devices',
    name: 'devices',
    component: later.devices,
    meta: { title: t('titles.devices') },
    children: [
      { path: 'add', name: 'add-devices', component: inPage },
      { path: ':id(\\d+)', name: 'device', component: inPage },
    ],
  },
  {
    path: '/groups',
    name: 'groups',
    component: later.groups,
    meta: { title: t('titles.groups') },
    children: [
      { path: 'new', name: 'new-group', component: inPage },
      { path: ':id(\\d+)', name: 'group', component: inPage },
    ],
  },
  {
    path: '/software',
    name: 'software',
    component: later.software,
    meta: { title: t('titles.software') },
    children: [
      { path: ':id(\\d+)', name: 'software-item', component: inPage },
      { path: 'installed', name: 'software-installed', component: inPage },
    ],
  },
  {
    path: '/audit',
    name: 'audit',
    component: later.audit,
    meta: { title: t('titles.audit') },
    children: [{ path: ':id(\\d+)', name: 'audit-entry', component: inPage }],
  },
  {
    path: '/settings/users',
    name: 'users',
    component: later.users,
    meta: { title: t('titles.users') },
    children: [
      { path: 'new', name: 'new-user', component: inPage },
      { path: ':id(\\d+)', name: 'user', component: inPage },
    ],
  },
  {
    path: '/settings',
    name: 'settings',
    component: later.settings,
    meta: { title: t('titles.settings') },
    children: [{ path: 'password', name: 'password', component: inPage }],
  },
  {
    path: '/:rest(.*)*',
    name: 'not-found',
    component: later.notFound,
    meta: { title: t('titles.notFound') },
  },
]

export function createConsoleRouter(): Router {
  const router = createRouter({ history: createWebHashHistory(), routes })
  router.afterEach((to) => {
    document.title = to.meta.title ? t('titles.of', { title: to.meta.title }) : 'DeployX'
  })
  void router.isReady().then(() => setTimeout(readOtherPages, READ_AFTER_MS))
  return router
}
