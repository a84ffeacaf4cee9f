/** The REST API, each route written once: the controller registers routes from this table, and the console's client calls them by it. */
import { z } from 'zod'
import { DeviceId, EnrollmentId, GroupId, InstallerId, SoftwareId } from '../../domain/ids.ts'
import { DeviceInventory, SpreadSoftware, ReportedSoftware } from '../inventory.ts'
import { requestRoutes } from './request-key.ts'
import { auditRoutes } from './audit-routes.ts'
import { controllerRoutes } from './controller-routes.ts'
import { deploymentRoutes } from './deployments-routes.ts'
import { settingsRoutes } from './settings-routes.ts'
import { Done, userRoutes } from './users-routes.ts'
import { id, pathId, route, type Route } from './route.ts'
import { Timestamp } from './common.ts'
import {
  CreateEnrollment,
  Device,
  Enrollment,
  FindInstalled,
  TakeOver,
  UpdateDevice,
} from './devices.ts'
import { CreateGroup, Group, UpdateGroup } from './groups.ts'
import { HubStatus, Stats } from './hub.ts'
import {
  FileForm,
  Installer,
  Software,
  UpdateInstallerRequest,
  UpdateSoftware,
  UploadForm,
} from './software.ts'

export { Done, Session } from './users-routes.ts'

const installerParams = z.object({ id: pathId(SoftwareId), installer_id: pathId(InstallerId) })

/** The line to run on a PC: for a POSIX shell on Linux and macOS, for PowerShell on Windows. */
const EnrollmentCommands = z.object({ windows: z.string(), linux: z.string(), macos: z.string() })

export const rest = {
  'health.get': route({
    method: 'GET',
    path: '/health',
    access: 'none',
    summary: 'Whether the controller is running',
    reply: z.object({ status: z.literal('ok'), version: z.string() }),
  }),

  ...userRoutes,
  ...requestRoutes,

  'enrollments.create': route({
    method: 'POST',
    path: '/enrollments',
    access: 'user',
    summary: 'Create an enrolment code',
    repeatable: true,
    body: CreateEnrollment,
    reply: z.object({
      id: EnrollmentId,
      code: z.string(),
      expires_at: Timestamp,
      commands: EnrollmentCommands,
    }),
  }),
  'enrollments.digits': route({
    method: 'GET',
    path: '/enrollments/digits',
    access: 'user',
    summary: 'Commands for enrolling PCs without a code, by comparing six digits',
    reply: z.object({ commands: EnrollmentCommands }),
  }),
  'enrollments.list': route({
    method: 'GET',
    path: '/enrollments',
    access: 'user',
    summary: 'List enrolment codes',
    reply: z.object({ enrollments: z.array(Enrollment) }),
  }),
  'enrollments.delete': route({
    method: 'DELETE',
    path: '/enrollments/:id',
    access: 'user',
    summary: 'Revoke an enrolment code',
    params: id(EnrollmentId),
    reply: Done,
  }),

  'devices.list': route({
    method: 'GET',
    path: '/devices',
    access: 'user',
    summary: 'List devices',
    reply: z.object({ devices: z.array(Device) }),
  }),
  'devices.get': route({
    method: 'GET',
    path: '/devices/:id',
    access: 'user',
    summary: 'One device',
    params: id(DeviceId),
    reply: Device,
  }),
  'devices.inventory': route({
    method: 'GET',
    path: '/devices/:id/inventory',
    access: 'user',
    summary:
      'Hardware and software inventory of a device. All null until its agent has reported it',
    params: id(DeviceId),
    reply: DeviceInventory,
  }),
  'inventory.software': route({
    method: 'GET',
    path: '/software-inventory',
    access: 'user',
    summary: 'Find the devices that have software installed, by part of its name',
    query: FindInstalled,
    reply: z.object({
      software: z.array(SpreadSoftware),
      /** There are more results than returned: search with a longer part of the name, or read on. */
      more: z.boolean(),
      /** Value of `after` for the next page; null: there is none. */
      next_after: z.string().nullable(),
      /** Devices whose software is known. Empty on later pages. */
      told: z.array(ReportedSoftware),
    }),
  }),
  'devices.update': route({
    method: 'PATCH',
    path: '/devices/:id',
    access: 'user',
    summary: 'Rename a device',
    params: id(DeviceId),
    body: UpdateDevice,
    reply: Device,
  }),
  'devices.delete': route({
    method: 'DELETE',
    path: '/devices/:id',
    access: 'user',
    summary: 'Remove a device, or reject one that waits for approval',
    params: id(DeviceId),
    reply: Done,
  }),
  'devices.approve': route({
    method: 'POST',
    path: '/devices/:id/approve',
    access: 'user',
    summary:
      'Approve a device. If it enrols by comparing digits, the person at the PC must confirm as well',
    params: id(DeviceId),
    reply: Device,
  }),
  'devices.block': route({
    method: 'POST',
    path: '/devices/:id/block',
    access: 'user',
    summary: 'Block a device',
    params: id(DeviceId),
    reply: Device,
  }),
  'devices.take_over': route({
    method: 'POST',
    path: '/devices/:id/take-over',
    access: 'user',
    summary:
      'This PC is that offline device after a reinstallation: it takes over its groups, history, owner and custom name. E_ILLEGAL_STATE unless hardware and name match (reinstall_of)',
    params: id(DeviceId),
    body: TakeOver,
    reply: Device,
  }),
  'devices.keep_both': route({
    method: 'POST',
    path: '/devices/:id/keep-both',
    access: 'user',
    summary: 'This PC and that device are two PCs: do not ask again',
    params: id(DeviceId),
    body: TakeOver,
    reply: Device,
  }),
  'devices.update_agent': route({
    method: 'POST',
    path: '/devices/:id/update',
    access: 'user',
    summary: "Update the agent to this controller's version",
    params: id(DeviceId),
    reply: Device,
  }),

  'groups.list': route({
    method: 'GET',
    path: '/groups',
    access: 'user',
    summary: 'List groups',
    reply: z.object({ groups: z.array(Group) }),
  }),
  'groups.create': route({
    method: 'POST',
    path: '/groups',
    access: 'user',
    summary: 'Add a group',
    repeatable: true,
    body: CreateGroup,
    reply: Group,
  }),
  'groups.update': route({
    method: 'PATCH',
    path: '/groups/:id',
    access: 'user',
    summary: 'Change a group',
    params: id(GroupId),
    body: UpdateGroup,
    reply: Group,
  }),
  'groups.delete': route({
    method: 'DELETE',
    path: '/groups/:id',
    access: 'user',
    summary: 'Remove a group',
    params: id(GroupId),
    reply: Done,
  }),

  'software.list': route({
    method: 'GET',
    path: '/software',
    access: 'user',
    summary: 'List the software library',
    reply: z.object({ software: z.array(Software) }),
  }),
  'software.create': route({
    method: 'POST',
    path: '/software',
    access: 'user',
    summary: 'Upload an installer as new software (multipart: file + fields)',
    transport: 'multipart',
    form: UploadForm,
    reply: Software.extend({
      /** Your library already has this file with the same name and arguments: nothing was added. */
      existing: z.literal(true).optional(),
      /** What the uploaded file reveals about how it installs. */
      knowledge: Installer.shape.knowledge,
    }),
  }),
  'software.add_installer': route({
    method: 'POST',
    path: '/software/:id/installers',
    access: 'user',
    summary:
      'Upload an installer for another platform. The same file with the same fields again changes nothing; another one for a platform and architecture that has one is refused (E_CONFLICT)',
    transport: 'multipart',
    form: UploadForm,
    params: id(SoftwareId),
    reply: Software.extend({
      /** This very installer was there already: nothing was added. */
      existing: z.literal(true).optional(),
    }),
  }),
  'software.upload_file': route({
    method: 'POST',
    path: '/software/:id/installers/:installer_id/file',
    access: 'user',
    summary:
      "Upload an installer's missing or damaged file again. E_CONFLICT if it is a different file",
    transport: 'multipart',
    form: FileForm,
    params: installerParams,
    reply: Software,
  }),
  'software.update': route({
    method: 'PATCH',
    path: '/software/:id',
    access: 'user',
    summary: 'Change the name, version, publisher and dependencies of software',
    params: id(SoftwareId),
    body: UpdateSoftware,
    reply: Software,
  }),
  'software.update_installer': route({
    method: 'PATCH',
    path: '/software/:id/installers/:installer_id',
    access: 'user',
    summary: 'Change an installer: platform, arguments, timeout, exit codes, detection rule',
    params: installerParams,
    body: UpdateInstallerRequest,
    reply: Software,
  }),
  'software.delete': route({
    method: 'DELETE',
    path: '/software/:id',
    access: 'user',
    summary: 'Remove software from the library',
    params: id(SoftwareId),
    reply: Done,
  }),

  ...deploymentRoutes,
  ...controllerRoutes,
  ...settingsRoutes,

  ...auditRoutes,
  'stats.get': route({
    method: 'GET',
    path: '/stats',
    access: 'user',
    summary: 'Figures for the dashboard',
    reply: Stats,
  }),
  'hub.get': route({
    method: 'GET',
    path: '/hub',
    access: 'user',
    summary: 'State of the hub: addresses, fingerprint, connected agents',
    reply: HubStatus,
  }),
} as const satisfies Record<string, Route>

export type Rest = typeof rest
export type RouteName = keyof Rest
type Part<R, K extends string> = R extends Record<K, infer S extends z.ZodType> ? S : never
/** What a client passes to a route. */
export type RouteInput<N extends RouteName> = ([Part<Rest[N], 'params'>] extends [never]
  ? unknown
  : { params: z.input<Part<Rest[N], 'params'>> }) &
  ([Part<Rest[N], 'query'>] extends [never]
    ? unknown
    : { query?: z.input<Part<Rest[N], 'query'>> }) &
  ([Part<Rest[N], 'body'>] extends [never] ? unknown : { body: z.input<Part<Rest[N], 'body'>> })
/** What a handler receives after validation. */
export type RouteRequest<N extends RouteName> = {
  params: [Part<Rest[N], 'params'>] extends [never]
    ? Record<string, never>
    : z.output<Part<Rest[N], 'params'>>
  query: [Part<Rest[N], 'query'>] extends [never]
    ? Record<string, never>
    : z.output<Part<Rest[N], 'query'>>
  body: [Part<Rest[N], 'body'>] extends [never] ? undefined : z.output<Part<Rest[N], 'body'>>
}
export type RouteReply<N extends RouteName> = z.output<Rest[N]['reply']>
