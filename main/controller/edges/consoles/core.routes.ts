/** Handlers of every route except software: each one maps the request to the slice that answers it. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '#shared/contract/errors.ts'
import type { HubStatus, Stats } from '#shared/contract/rest/hub.ts'
import type { AgentUpdates } from '../../slices/agent-updates/index.ts'
import type { Audit } from '../../slices/audit/index.ts'
import type { Deployments } from '../../slices/deployments/index.ts'
import type { Devices } from '../../slices/devices/index.ts'
import type { EnrollmentService } from '../../slices/enrollment/index.ts'
import type { Groups } from '../../slices/groups/index.ts'
import type { Inventories } from '../../slices/inventory/index.ts'
import { isLoopback } from '../../base/addresses.ts'
import type { Requests } from '../../slices/requests/index.ts'
import type { Settings } from '../../slices/settings/index.ts'
import type { Software } from '../../slices/software/index.ts'
import type { TakeOver } from '../../compose/take-over.ts'
import type { Origin, Users } from '../../slices/users/index.ts'
import type { Handlers } from './handlers.ts'
import { listInPieces } from './json-pieces.ts'
import { isLoopbackName } from './served-names.ts'
import type { SetupCode } from './setup-code.ts'
import type { Tokens } from './tokens.ts'

const DONE = { success: true } as const

const originOf = (context: { remoteAddress: string; raw: FastifyRequest }): Origin => ({
  address: context.remoteAddress,
  client: context.raw.headers['user-agent'] ?? null,
})
const XLSX = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'
/** @param name without quotes or line ends, because it is not escaped */
const asFile = (reply: FastifyReply, type: string, name: string): void =>
  void reply.type(type).header('content-disposition', `attachment; filename="${name}"`)

export type CoreDeps = {
  users: Users
  tokens: Tokens
  audit: Audit
  devices: Devices
  inventories: Inventories
  agentUpdates: AgentUpdates
  groups: Groups
  enrollment: EnrollmentService
  deployments: Deployments
  software: Software
  settings: Settings
  requests: Requests
  takeOver: TakeOver
  hubStatus: () => HubStatus
  version: string
  setupCode: SetupCode
}
type Core = Handlers<
  | 'health'
  | 'auth'
  | 'users'
  | 'requests'
  | 'enrollments'
  | 'devices'
  | 'inventory'
  | 'groups'
  | 'deployments'
  | 'audit'
  | 'stats'
  | 'hub'
  | 'settings'
>

export function coreRoutes(deps: CoreDeps): Core {
  const { users, tokens, devices, groups, enrollment, deployments } = deps
  return {
    'health.get': () => ({ status: 'ok', version: deps.version }),

    'auth.state': () => ({
      setup_needed: users.setupNeeded(),
      setup_code_needed: users.setupNeeded() && deps.setupCode.isNeeded,
    }),
    'auth.setup': async ({ body }, context) => {
      // Only from this computer, and not from a page in its browser that reached it under another name (DNS rebinding).
      if (!isLoopback(context.remoteAddress) || !isLoopbackName(context.raw.headers.host))
        throw new AppError(
          'E_SETUP_LOOPBACK_ONLY',
          'The first account is created on the computer that runs the controller.',
        )
      if (users.setupNeeded()) deps.setupCode.check(body.setup_code)
      return tokens.issue(await users.setup(body.username, body.password, originOf(context)))
    },
    'auth.login': async ({ body }, context) =>
      tokens.issue(await users.login(body.username, body.password, originOf(context))),
    'auth.refresh': ({ body }, context) =>
      tokens.issue(users.refresh(body.refresh_token, originOf(context))),
    'auth.logout': (_request, { viewer, sessionId }) => {
      users.logout(viewer, sessionId!)
      return DONE
    },
    'auth.logout_all': (_request, { viewer }) => {
      users.logoutAll(viewer)
      return DONE
    },
    'auth.me': (_request, { viewer }) => users.get(viewer.id),
    'auth.password': ({ body }, { viewer, sessionId }) =>
      users.changePassword(viewer, sessionId!, body),
    'auth.sessions': (_request, { viewer, sessionId }) => ({
      sessions: users.sessionsOf(viewer, sessionId),
    }),
    'auth.end_session': ({ params }, { viewer }) => {
      users.endSession(viewer, params.id)
      return DONE
    },

    'users.list': () => ({ users: users.list() }),
    'users.create': ({ body }, { viewer }) => users.create(viewer, body),
    'users.update': ({ params, body }, { viewer }) => users.update(viewer, params.id, body),
    'users.reset_password': ({ params }, { viewer }) => users.resetPassword(viewer, params.id),
    'users.end_sessions': ({ params }, { viewer }) => users.endSessions(viewer, params.id),
    'users.holdings': ({ params }) => users.holdings(params.id),
    'users.delete': ({ params, query }, { viewer }) => {
      users.remove(viewer, params.id, query.transfer_to ?? null)
      return DONE
    },

    'requests.get': ({ params }, { viewer }) => deps.requests.find(viewer, params.id),

    'enrollments.create': ({ body }, { viewer }) => enrollment.create(viewer, body),
    'enrollments.digits': () => ({ commands: enrollment.digitCommands() }),
    'enrollments.list': (_request, { viewer }) => ({ enrollments: enrollment.list(viewer) }),
    'enrollments.delete': ({ params }, { viewer }) => {
      enrollment.revoke(viewer, params.id)
      return DONE
    },

    'devices.list': (_request, { viewer }) => listInPieces('devices', devices.list(viewer)),
    'devices.get': ({ params }, { viewer }) => devices.get(viewer, params.id),
    'devices.inventory': ({ params }, { viewer }) => deps.inventories.get(viewer, params.id),
    'inventory.software': ({ query }, { viewer }) => deps.inventories.find(viewer, query),
    'devices.update': ({ params, body }, { viewer }) => devices.rename(viewer, params.id, body),
    'devices.delete': ({ params }, { viewer }) => {
      devices.remove(viewer, params.id)
      return DONE
    },
    'devices.approve': ({ params }, { viewer }) => devices.approve(viewer, params.id),
    'devices.block': ({ params }, { viewer }) => devices.block(viewer, params.id),
    'devices.take_over': ({ params, body }, { viewer }) => {
      deps.takeOver(viewer, params.id, body.from_device_id)
      return devices.get(viewer, params.id)
    },
    'devices.keep_both': ({ params, body }, { viewer }) =>
      devices.keepBoth(viewer, params.id, body.from_device_id),
    'devices.update_agent': ({ params }, { viewer }) =>
      deps.agentUpdates.orderNow(viewer, params.id),

    'groups.list': (_request, { viewer }) => ({ groups: groups.list(viewer) }),
    'groups.create': ({ body }, { viewer }) => groups.create(viewer, body),
    'groups.update': ({ params, body }, { viewer }) => groups.update(viewer, params.id, body),
    'groups.delete': ({ params }, { viewer }) => {
      groups.remove(viewer, params.id)
      return DONE
    },

    'deployments.create': ({ body }, { viewer }) => ({
      success: true,
      deployment_id: deployments.create(viewer, body),
      message: 'Deployment started',
    }),
    'deployments.preflight': ({ body }, { viewer }) => deployments.preflight(viewer, body),
    'deployments.list': ({ query }, { viewer }) => deployments.list(viewer, query),
    'deployments.get': ({ params }, { viewer }) => deployments.get(viewer, params.id),
    'deployments.progress': ({ params }, { viewer }) => deployments.progress(viewer, params.id),
    'deployments.cancel': ({ params }, { viewer }) => deployments.cancel(viewer, params.id),
    'deployments.pause': ({ params }, { viewer }) => deployments.pause(viewer, params.id),
    'deployments.resume': ({ params }, { viewer }) => deployments.resume(viewer, params.id),
    'deployments.stop_all': (_input, { viewer }) => ({ stopped: deployments.stopAll(viewer) }),
    'deployments.cancel_restarts': ({ params, body }, { viewer }) =>
      deployments.cancelRestarts(viewer, params.id, body.device_ids),
    'deployments.retry': ({ params, body }, { viewer }) =>
      deployments.retry(viewer, params.id, body.target_ids),
    'deployments.attempts': ({ params }, { viewer }) => ({
      attempts: deployments.attempts(viewer, params.id, params.target_id),
    }),
    'deployments.output': ({ params, query }, { viewer }) =>
      deployments.output(viewer, params.id, params.target_id, query.attempt),
    'deployments.report': ({ params, query }, { viewer, reply }) => {
      const csv = deployments.report(viewer, params.id, query.separator)
      asFile(reply, 'text/csv; charset=utf-8', `deployment-${params.id}.csv`)
      return csv
    },
    'deployments.workbook': async ({ params }, { viewer, reply }) => {
      const workbook = await deployments.workbook(viewer, params.id)
      asFile(reply, XLSX, `deployment-${params.id}.xlsx`)
      return workbook
    },

    'audit.list': ({ query }, { viewer }) =>
      deps.audit.list(viewer, {
        ...query,
        deviceId: query.device_id,
        deploymentId: query.deployment_id,
      }),
    'audit.facets': (_request, { viewer }) => deps.audit.facets(viewer),
    'audit.proof': () => deps.audit.proof(),
    'audit.export_csv': ({ query }, { viewer, reply }) => {
      asFile(reply, 'text/csv; charset=utf-8', 'deployx-audit.csv')
      return deps.audit.exportCsv(viewer, query.separator)
    },
    'audit.export_jsonl': (_request, { viewer, reply }) => {
      asFile(reply, 'application/jsonl; charset=utf-8', 'deployx-audit.jsonl')
      return deps.audit.exportJsonl(viewer)
    },
    'stats.get': (_request, { viewer }): Stats => ({
      devices: devices.counts(viewer),
      software: deps.software.count(viewer),
      ...deployments.stats(viewer),
    }),
    'hub.get': () => deps.hubStatus(),

    'settings.get': () => deps.settings.stored(),
    'settings.update': ({ body }, { viewer }) => deps.settings.update(viewer, body),
  }
}
