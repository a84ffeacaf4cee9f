/** One row in every table, so that every call of a repository finds a row. */
import type {
  AttemptId,
  DeploymentId,
  DeviceId,
  EnrollmentId,
  GroupId,
  InstallerId,
  RestartId,
  Sha256,
  SoftwareId,
  TargetId,
  UserId,
} from '#shared/domain/ids.ts'
import { createAgentUpdatesRepo } from '../../slices/agent-updates/agent-updates.repo.ts'
import { createAuditRepo } from '../../slices/audit/audit.repo.ts'
import { createContentRepo } from '../../slices/content/content.repo.ts'
import { createRestartsRepo } from '../../slices/deployments/restarts/restarts.repo.ts'
import { createClockRepo } from '../../slices/deployments/tables/clock.repo.ts'
import { createCounters } from '../../slices/deployments/tables/counters.repo.ts'
import { createDeploymentsRepo } from '../../slices/deployments/tables/deployments.repo.ts'
import { createOutputsRepo } from '../../slices/deployments/tables/outputs.repo.ts'
import { createDevicesRepo } from '../../slices/devices/devices.repo.ts'
import { createEnrollmentRepo } from '../../slices/enrollment/enrollment.repo.ts'
import { createGroupsRepo } from '../../slices/groups/groups.repo.ts'
import { createInventoryRepo } from '../../slices/inventory/inventory.repo.ts'
import { createRequestsRepo } from '../../slices/requests/requests.repo.ts'
import { createSettingsRepo } from '../../slices/settings/settings.repo.ts'
import { createSoftwareRepo } from '../../slices/software/software.repo.ts'
import { createUsersRepo } from '../../slices/users/users.repo.ts'
import type { Store } from '../../store/store.ts'
import type {
  deployments as deploymentsTable,
  deviceRestarts,
  installers,
  software as softwareTable,
} from '../../store/schema/index.ts'

export const AT = '2026-11-23T10:00:00.000Z'
export const LATER = '2026-11-24T10:00:00.000Z'
/** The names of the rows below. */
export const [USER, OTHER_USER] = [1 as UserId, 2 as UserId]
export const [DEVICE, OLD_DEVICE, UNUSED_DEVICE] = [1 as DeviceId, 2 as DeviceId, 3 as DeviceId]
export const GROUP = 1 as GroupId
export const [SOFTWARE, NEEDED] = [1 as SoftwareId, 2 as SoftwareId]
export const INSTALLER = 1 as InstallerId
export const CONTENT = 'a'.repeat(64) as Sha256
export const [RUNNING, WAITING] = [1 as DeploymentId, 2 as DeploymentId]
export const TARGET = 1 as TargetId
export const ATTEMPT = 'b'.repeat(32) as AttemptId
export const RESTART = 'c'.repeat(32) as RestartId
export const CODE = 1 as EnrollmentId

/** Creates all repositories, including the statements that they prepare in advance. */
export function allRepositories(store: Store) {
  const deployments = createDeploymentsRepo(store)
  return {
    agentUpdates: createAgentUpdatesRepo(store),
    audit: createAuditRepo(store),
    clock: createClockRepo(store),
    content: createContentRepo(store),
    counters: createCounters(store),
    deployments,
    devices: createDevicesRepo(store),
    enrollment: createEnrollmentRepo(store),
    groups: createGroupsRepo(store),
    inventory: createInventoryRepo(store),
    outputs: createOutputsRepo(store, deployments),
    requests: createRequestsRepo(store),
    restarts: createRestartsRepo(store),
    settings: createSettingsRepo(store),
    software: createSoftwareRepo(store),
    users: createUsersRepo(store),
  }
}
export type Repositories = ReturnType<typeof allRepositories>

type Functions<R> = {
  [K in keyof R as R[K] extends (...args: never[]) => unknown ? K : never]: R[K]
}
type Call<R> = (repository: R) => unknown
/**
 * At least one call of every function of every repository; the compiler asks for missing ones. A function that builds different
 * statements has a named call for each of them.
 */
export type Calls = {
  [N in keyof Repositories]: {
    [K in keyof Functions<Repositories[N]>]:
      Call<Repositories[N]> | Record<string, Call<Repositories[N]>>
  }
}

export const deploymentRow: typeof deploymentsTable.$inferInsert = {
  name: 'VLC',
  status: 'in_progress',
  created_by: USER,
  created_at: AT,
  action: 'install',
  strategy_type: 'parallel',
  offline_policy: 'fail',
  wait_minutes: 60,
  software_names: ['VLC'],
  device_count: 1,
  reboot: 'if_needed',
}

export const targetRow = {
  device_id: DEVICE,
  software_id: SOFTWARE,
  installer_id: INSTALLER,
  position: 0,
  wave: 1,
}

export const deviceRow = (name: string) => ({
  name,
  platform: 'linux' as const,
  arch: 'x64' as const,
  os_version: 'Debian 13',
  agent_version: '0.1.0',
  public_key: name,
  owner_id: USER,
  approved: true,
  enrolled_at: AT,
})

export const installerRow: typeof installers.$inferInsert = {
  software_id: SOFTWARE,
  platform: 'linux',
  arch: 'x64',
  kind: 'sh',
  file_name: 'vlc.sh',
  install_args: '',
  timeout_seconds: 60,
  success_exit_codes: [0],
  sha256: CONTENT,
  fetch_state: 'none',
}

export const sessionRow = (id: string) => ({
  id,
  user_id: USER,
  refresh_hash: `refresh ${id}`,
  created_at: AT,
  expires_at: LATER,
  last_used_at: AT,
  address: null,
  client: null,
})

export const auditRow = {
  at: AT,
  actor_id: USER,
  actor: 'anna',
  action: 'deployment.created',
  subject: 'VLC',
  details: '',
}
export const userRow = (username: string) =>
  ({ username, password_hash: '-', role: 'admin', created_at: AT }) as const
export const softwareRow = (
  name: string,
  depends_on: SoftwareId[] = [],
): typeof softwareTable.$inferInsert => ({
  name,
  version: '1',
  publisher: '',
  origin: 'library',
  owner_id: USER,
  created_at: AT,
  depends_on,
})
export const codeRow = (secret_hash: string) => ({
  secret_hash,
  max_uses: 3,
  group_ids: [],
  created_by: USER,
  created_at: AT,
  expires_at: LATER,
})
export const groupRow = (name: string) => ({ name, owner_id: USER, created_at: AT })
export const restartRow = (
  restart_id: RestartId,
  round: number,
): typeof deviceRestarts.$inferInsert => ({
  restart_id,
  deployment_id: RUNNING,
  device_id: DEVICE,
  round,
  state: 'owed',
  created_at: AT,
  since: AT,
})

export function fillStore(repositories: Repositories): void {
  const { users, devices, groups, software, content, deployments, restarts } = repositories
  users.insert(userRow('anna'))
  users.insert(userRow('ben'))
  users.addSession(sessionRow('first'), 10)
  for (const name of ['PC-1', 'PC-2', 'PC-3']) devices.insert(deviceRow(name))
  devices.update(OLD_DEVICE, { replaced_by: DEVICE })
  devices.setHardware(DEVICE, [{ hardware_id: 'board', role: 'owner' }])
  groups.insert(groupRow('Lab'))
  groups.addMembers(GROUP, [DEVICE])
  content.keep({ sha256: CONTENT, size_bytes: 3, chunk_hashes: Buffer.alloc(32), created_at: AT })
  software.insert(softwareRow('VLC', [NEEDED]))
  software.insert(softwareRow('Library of VLC'))
  software.insertInstaller(installerRow)
  deployments.insert(deploymentRow, [targetRow, { ...targetRow, software_id: NEEDED, position: 1 }])
  const chosen = { device_ids: [DEVICE], group_ids: [GROUP], software_ids: [SOFTWARE] }
  deployments.insert({ ...deploymentRow, status: 'pending', chosen }, [])
  deployments.changeTarget({ id: TARGET, deployment_id: RUNNING }, { attempt_id: ATTEMPT })
  deployments.addAttempt({ attempt_id: ATTEMPT, target_id: TARGET, attempt: 1, created_at: AT })
  restarts.insert(restartRow(RESTART, 1))
  restarts.claim(TARGET, RESTART)
  repositories.enrollment.insert(codeRow('code'))
  repositories.audit.insert(auditRow)
}
