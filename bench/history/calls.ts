/**
 * Every route of the contract, as the console calls it. A new route does not compile until it has a line
 * here: its calls, or the reason why it is not measured.
 */
import { randomUUID } from 'node:crypto'
import type { RouteName } from '#shared/contract/rest/routes.ts'

export type Call = {
  /** What differs from the route's other calls. */
  as?: string
  path: string
  body?: unknown
  /** A file to upload, as multipart form data. */
  file?: { name: string; text: string }
  /** Why its own time is not compared: only the pause that it causes counts. */
  slow?: string
}
/** The records that calls refer to. Those that calls change are new in every run. */
export type Place = {
  run: number
  devices: number
  deployments: number
  targetsPerDeployment: number
  auditEntries: number
  /** Ids of deployments that wait for PCs. */
  waiting: number[]
  /** Id of a deployment that starts later. */
  scheduled: number
  /** Ids of enrolment codes and users made for this run. */
  code: number
  user: number
  session: string
}

const PASSWORD = 'hashes a password in a thread, on purpose slowly'
const WHOLE_LOG = 'reads the whole log, in chunks'
const UPLOAD = 'inspects the file in its own thread'
const SIGNED_OUT = 'needs a session or a controller of its own, and reads no table that grows'
const script = (run: number) => ({
  name: `tool-${run}-${randomUUID()}.sh`,
  text: '#!/bin/sh\nexit 0\n',
})

export const calls: Record<RouteName, ((place: Place) => Call | Call[]) | string> = {
  'health.get': () => ({ path: '/health' }),
  'auth.state': () => ({ path: '/auth/state' }),
  'auth.setup': SIGNED_OUT,
  'auth.login': () => ({
    path: '/auth/login',
    body: { username: 'anna', password: 'correct horse' },
    slow: PASSWORD,
  }),
  'auth.refresh': SIGNED_OUT,
  'auth.logout': SIGNED_OUT,
  'auth.logout_all': SIGNED_OUT,
  'auth.me': () => ({ path: '/auth/me' }),
  'auth.password': SIGNED_OUT,
  'auth.sessions': () => ({ path: '/auth/sessions' }),
  'auth.end_session': ({ session }) => ({ path: `/auth/sessions/${session}` }),
  'users.list': () => ({ path: '/users' }),
  'users.create': ({ run }) => ({
    path: '/users',
    body: { username: `new-${run}`, password: 'correct horse', role: 'technician' },
    slow: PASSWORD,
  }),
  'users.update': ({ user }) => ({ path: `/users/${user}`, body: { disabled: true } }),
  'users.reset_password': ({ user }) => ({
    path: `/users/${user}/reset-password`,
    slow: PASSWORD,
  }),
  'users.end_sessions': ({ user }) => ({ path: `/users/${user}/sessions` }),
  'users.holdings': ({ run }) => ({ path: `/users/${2 + run}/holdings` }),
  'users.delete': ({ run }) => ({ path: `/users/${2 + run}?transfer_to=1` }),
  'requests.get': SIGNED_OUT,
  'enrollments.create': () => ({ path: '/enrollments', body: {} }),
  'enrollments.digits': () => ({ path: '/enrollments/digits' }),
  'enrollments.list': () => ({ path: '/enrollments' }),
  'enrollments.delete': ({ code }) => ({ path: `/enrollments/${code}` }),
  'devices.list': () => ({ path: '/devices' }),
  'devices.get': ({ run }) => ({ path: `/devices/${100 + run}` }),
  'devices.inventory': ({ run }) => ({ path: `/devices/${100 + run}/inventory` }),
  'inventory.software': () => [
    { as: 'one letter', path: '/software-inventory?limit=100&name=f' },
    { as: 'a common name', path: '/software-inventory?limit=100&name=firefox' },
    { as: 'one title', path: '/software-inventory?limit=100&name=component%20417' },
    { as: 'nothing', path: '/software-inventory?limit=100&name=no%20such%20program' },
  ],
  'devices.update': ({ run }) => ({ path: `/devices/${300 + run}`, body: { name: `Desk ${run}` } }),
  'devices.delete': ({ run }) => ({ path: `/devices/${400 + run}` }),
  'devices.approve': ({ run }) => ({ path: `/devices/${500 + run}/approve` }),
  'devices.block': ({ run }) => ({ path: `/devices/${500 + run}/block` }),
  'devices.take_over': 'needs a reinstalled PC; moves the targets of one device',
  'devices.keep_both': 'needs a reinstalled PC; writes one row',
  'devices.update_agent': 'needs agents that can be updated; writes one row',
  'groups.list': () => ({ path: '/groups' }),
  'groups.create': ({ run }) => ({
    path: '/groups',
    body: { name: `New ${run}`, device_ids: Array.from({ length: 200 }, (_, i) => 700 + i) },
  }),
  'groups.update': ({ run }) => ({ path: `/groups/${1 + run}`, body: { name: `Renamed ${run}` } }),
  'groups.delete': ({ run }) => ({ path: `/groups/${20 + run}` }),
  'software.list': () => ({ path: '/software' }),
  'software.create': ({ run }) => ({ path: '/software', file: script(run), slow: UPLOAD }),
  'software.add_installer': ({ run }) => ({
    path: `/software/${50 + run}/installers`,
    file: { name: `tool-${run}.ps1`, text: 'exit 0' },
    slow: UPLOAD,
  }),
  'software.upload_file': 'needs a damaged file; writes one row',
  'software.update': ({ run }) => ({ path: `/software/${100 + run}`, body: { version: '2' } }),
  'software.update_installer': ({ run }) => ({
    path: `/software/${100 + run}/installers/${100 + run}`,
    body: { timeout_seconds: 60 },
  }),
  'software.delete': ({ run }) => ({ path: `/software/${200 + run}` }),
  'deployments.create': ({ run }) => ({
    path: '/deployments/create',
    body: {
      name: `New ${run}`,
      software_ids: [40],
      device_ids: Array.from({ length: 100 }, (_, i) => 2_000 + i),
      offline_policy: 'wait',
    },
  }),
  'deployments.preflight': () => ({
    path: '/deployments/preflight',
    body: {
      name: 'Preview',
      software_ids: [41],
      device_ids: Array.from({ length: 1_000 }, (_, i) => 3_000 + i),
    },
  }),
  'deployments.list': ({ deployments }) => [
    { as: 'first page', path: '/deployments?limit=50' },
    { as: 'far page', path: `/deployments?limit=50&offset=${deployments / 2}` },
    { as: 'active', path: '/deployments?status=active&limit=50' },
    { as: 'in one state', path: '/deployments?status=partial&limit=50' },
    { as: 'a common text', path: '/deployments?q=firefox&limit=50' },
    { as: 'a rare text', path: `/deployments?q=rollout%20${(deployments / 3) | 0}&limit=50` },
    { as: 'a text without match', path: '/deployments?q=nothing%20like%20this&limit=50' },
  ],
  'deployments.get': (place) => ({ path: `/deployments/${within(place, 0.5)}` }),
  'deployments.progress': (place) => ({ path: `/deployments/${within(place, 0.5)}/progress` }),
  'deployments.cancel': ({ waiting, run }) => ({ path: `/deployments/${waiting[run]}/cancel` }),
  'deployments.pause': ({ waiting, run }) => ({ path: `/deployments/${waiting[run]}/pause` }),
  'deployments.resume': ({ waiting, run }) => ({ path: `/deployments/${waiting[run]}/resume` }),
  'deployments.stop_all': 'ends what the other calls use; like cancel for each active deployment',
  'deployments.cancel_restarts': 'needs a pending restart; writes rows of one deployment',
  'deployments.retry': (place) => ({
    // One in ten has a failed target.
    path: `/deployments/${10 * within(place, 0.03)}/retry`,
    body: {},
  }),
  'deployments.attempts': (place) => ({ path: `${lastTarget(place)}/attempts` }),
  'deployments.output': (place) => ({ path: `${lastTarget(place)}/output` }),
  'deployments.report': (place) => ({ path: `/deployments/${within(place, 0.8)}/report.csv` }),
  'deployments.workbook': (place) => ({
    path: `/deployments/${within(place, 0.8)}/report.xlsx`,
    slow: 'writes the workbook in its own thread',
  }),
  'controller.check': () => ({ path: '/controller/check' }),
  'controller.start_check': 'reads everything, in its own process',
  'controller.cancel_check': 'reads no table',
  'controller.identity': () => ({ path: '/controller/identity' }),
  'controller.rotate': 'replaces keys, in its own thread',
  'controller.save_recovery': 'copies keys and database, in its own thread',
  'controller.restore': SIGNED_OUT,
  'settings.get': () => ({ path: '/settings' }),
  'settings.update': ({ run }) => ({
    path: '/settings',
    body: { bandwidth_hub_kib_s: 1_024 + run },
  }),
  'audit.list': ({ deployments, auditEntries, run }) => [
    { as: 'first page', path: '/audit?limit=100' },
    { as: 'far page by offset', path: `/audit?limit=100&offset=${Math.floor(auditEntries * 0.4)}` },
    { as: 'older', path: `/audit?limit=100&before=${Math.floor(auditEntries / 2)}` },
    { as: 'a common text', path: '/audit?limit=100&q=firefox' },
    { as: 'a rare text', path: `/audit?limit=100&q=rollout%20${((deployments / 3) | 0) + run}` },
    { as: 'a text without match', path: '/audit?limit=100&q=nothing%20like%20this' },
    { as: 'two letters', path: '/audit?limit=100&q=zi' },
    { as: 'one letter without match', path: '/audit?limit=100&q=%C5%82' },
    { as: 'since last week', path: `/audit?limit=100&since=${ago(7)}` },
    { as: 'until last autumn', path: `/audit?limit=100&until=${ago(300)}` },
    { as: 'by an actor', path: '/audit?limit=100&actor=technician-3' },
    { as: 'by an unknown actor', path: '/audit?limit=100&actor=nobody' },
    { as: 'of an action', path: '/audit?limit=100&action=deployment.create' },
    {
      as: 'by an actor, of an action',
      path: '/audit?limit=100&actor=technician-3&action=user.login',
    },
    { as: 'about a device', path: `/audit?limit=100&device_id=${100 + run}` },
    { as: 'about a deployment', path: `/audit?limit=100&deployment_id=${100 + run}` },
    {
      as: 'text, actor and time',
      path: `/audit?limit=100&q=vlc&actor=technician-3&until=${ago(30)}`,
    },
  ],
  'audit.facets': () => ({ path: '/audit/facets' }),
  'audit.proof': () => ({ path: '/audit/proof', slow: WHOLE_LOG }),
  'audit.export_csv': () => ({ path: '/audit/export.csv', slow: WHOLE_LOG }),
  'audit.export_jsonl': () => ({ path: '/audit/export.jsonl', slow: WHOLE_LOG }),
  'stats.get': () => ({ path: '/stats' }),
  'hub.get': () => ({ path: '/hub' }),
}

/** The id of a deployment this far into the year. */
function within({ deployments, run }: Place, part: number): number {
  return Math.floor(deployments * part) + run
}
/** The path of a target that has output. */
function lastTarget(place: Place): string {
  const id = within(place, 0.7)
  return `/deployments/${id}/targets/${id * place.targetsPerDeployment}`
}
function ago(days: number): string {
  return new Date(Date.now() - days * 24 * 3_600_000).toISOString()
}
