/** Handlers of everything but software: each a line from the request to the slice that answers it. */
import { AppError } from '#shared/contract/errors.ts'
import type { HubStatus, Stats } from '#shared/contract/entities.ts'
import type { Audit } from '../audit/index.ts'
import type { Deployments } from '../deployments/index.ts'
import type { Devices } from '../devices/index.ts'
import type { EnrollmentService } from '../enrollment/index.ts'
import type { Groups } from '../groups/index.ts'
import { isLoopback } from '../lib/addresses.ts'
import type { Software } from '../software/index.ts'
import type { Users } from '../users/index.ts'
import type { Handlers } from './handlers.ts'
import type { Tokens } from './tokens.ts'

const DONE = { success: true } as const

export type CoreDeps = {
  users: Users
  tokens: Tokens
  audit: Audit
  devices: Devices
  groups: Groups
  enrollment: EnrollmentService
  deployments: Deployments
  software: Software
  hubStatus: () => HubStatus
  dropSession: (sessionId: string) => void
  dropUser: (userId: Parameters<Users['logoutAll']>[0]) => void
  version: string
}
type Core = Handlers<
  | 'health'
  | 'auth'
  | 'users'
  | 'enrollments'
  | 'devices'
  | 'groups'
  | 'deployments'
  | 'audit'
  | 'stats'
  | 'hub'
>

export function coreRoutes(deps: CoreDeps): Core {
  const { users, tokens, devices, groups, enrollment, deployments } = deps
  return {
    'health.get': () => ({ status: 'ok', version: deps.version }),

    'auth.state': () => ({ setup_needed: users.setupNeeded() }),
    'auth.setup': async ({ body }, { remoteAddress }) => {
      if (!isLoopback(remoteAddress))
        throw new AppError(
          'E_SETUP_LOOPBACK_ONLY',
          'The first account is made on the computer that runs the controller.',
        )
      return tokens.issue(await users.setup(body.username, body.password))
    },
    'auth.login': async ({ body }) => tokens.issue(await users.login(body.username, body.password)),
    'auth.refresh': ({ body }) => tokens.issue(users.refresh(body.refresh_token)),
    'auth.logout': (_request, { sessionId }) => {
      users.logout(sessionId!)
      deps.dropSession(sessionId!)
      return DONE
    },
    'auth.logout_all': (_request, { viewer }) => {
      users.logoutAll(viewer.id)
      deps.dropUser(viewer.id)
      return DONE
    },
    'auth.me': (_request, { viewer }) => users.get(viewer.id),

    'users.list': () => ({ users: users.list() }),
    'users.create': ({ body }, { viewer }) => users.create(viewer, body),
    'users.update': async ({ params, body }, { viewer }) => {
      const user = await users.update(viewer, params.id, body)
      deps.dropUser(params.id)
      return user
    },
    'users.delete': ({ params }, { viewer }) => {
      users.remove(viewer, params.id)
      deps.dropUser(params.id)
      return DONE
    },

    'enrollments.create': ({ body }, { viewer }) => enrollment.create(viewer, body),
    'enrollments.list': (_request, { viewer }) => ({ enrollments: enrollment.list(viewer) }),
    'enrollments.delete': ({ params }, { viewer }) => {
      enrollment.revoke(viewer, params.id)
      return DONE
    },

    'devices.list': (_request, { viewer }) => ({ devices: devices.list(viewer) }),
    'devices.get': ({ params }, { viewer }) => devices.get(viewer, params.id),
    'devices.update': ({ params, body }, { viewer }) =>
      devices.rename(viewer, params.id, body.name),
    'devices.delete': ({ params }, { viewer }) => {
      devices.remove(viewer, params.id)
      return DONE
    },
    'devices.approve': ({ params }, { viewer }) => devices.approve(viewer, params.id),
    'devices.block': ({ params }, { viewer }) => devices.block(viewer, params.id),

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
    'deployments.retry': ({ params, body }, { viewer }) =>
      deployments.retry(viewer, params.id, body.target_ids),
    'deployments.attempts': ({ params }, { viewer }) => ({
      attempts: deployments.attempts(viewer, params.id, params.target_id),
    }),
    'deployments.output': ({ params, query }, { viewer }) =>
      deployments.output(viewer, params.id, params.target_id, query.attempt),
    'deployments.report': ({ params }, { viewer, reply }) => {
      const csv = deployments.report(viewer, params.id)
      void reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="deployment-${params.id}.csv"`)
      return csv
    },

    'audit.list': ({ query }, { viewer }) => deps.audit.list(viewer, query),
    'stats.get': (_request, { viewer }): Stats => ({
      devices: devices.counts(),
      software: deps.software.list(viewer).length,
      ...deployments.stats(),
    }),
    'hub.get': () => deps.hubStatus(),
  }
}
