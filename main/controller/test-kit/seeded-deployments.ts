/**
 * The deployments slice over a real store, with everything around it decided by a seed: time, ids, and what agents do and
 * how long they take. No thread and no socket takes part, so the same seed gives the same history.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { DeployPayload, type CommandEnvelope } from '#shared/contract/agent/link.ts'
import { CreateDeployment } from '#shared/contract/rest/deployment-requests.ts'
import type { AttemptId, DeviceId, UserId } from '#shared/domain/ids.ts'
import { createClock } from '../base/clock.ts'
import type { Viewer } from '../base/context.ts'
import { createSealedArguments } from '../base/sealed-arguments.ts'
import { createAudit } from '../slices/audit/index.ts'
import { createContent } from '../slices/content/index.ts'
import { createDeployments, type AgentPort } from '../slices/deployments/index.ts'
import { createDevices } from '../slices/devices/index.ts'
import { createGroups } from '../slices/groups/index.ts'
import { createInspection } from '../slices/inspection/index.ts'
import { createSettings } from '../slices/settings/index.ts'
import { createSoftware } from '../slices/software/index.ts'
import { openStore, type Store } from '../store/store.ts'
import { MIGRATIONS_DIR } from './paths.ts'
import { createSeededRandom } from './seeded-random.ts'
import { createVirtualTime } from './virtual-time.ts'
import { TEST_WORKERS_DIR } from './workers.ts'

const PCS = 12
const PACKAGE = 'exit 0\n'
const SHA = createHash('sha256').update(PACKAGE).digest('hex')
const STEP_MS = 5_000
const VIEWER: Viewer = { id: 1 as UserId, username: 'anna', role: 'admin' }

function fill({ sqlite }: Store): void {
  sqlite.exec(`
    insert into users (username, password_hash, role, created_at) values ('anna', 'x', 'admin', '2026');
    insert into software (name, version, publisher, origin, created_at) values ('tool', '1', '', 'library', '2026');
    insert into contents (sha256, size_bytes, chunk_hashes, created_at) values ('${SHA}', 7, x'', '2026');
    insert into installers (software_id, platform, arch, kind, file_name, sha256, size_bytes, install_args, timeout_seconds, success_exit_codes, fetch_state)
      values (1, 'linux', 'any', 'sh', 'tool.sh', '${SHA}', 7, '', 60, '[0]', 'none');`)
  const device = sqlite.prepare(
    `insert into devices (name, platform, arch, os_version, agent_version, public_key, approved, enrolled_at)
     values (?, 'linux', 'x64', '', '', ?, 1, '2026')`,
  )
  for (let i = 1; i <= PCS; i++) device.run(`PC-${i}`, `key ${i}`)
}

/** Deploys one package to a dozen PCs. @returns everything that was decided and stored, in order, as text */
export async function seededDeployments(seed: number): Promise<string> {
  const dataDir = mkdtempSync(join(tmpdir(), 'deployx-seeded-'))
  const random = createSeededRandom(seed)
  /** Of the agents, so that a further id does not change what they do. */
  const dice = createSeededRandom(seed + 1)
  const world = createVirtualTime()
  const store = openStore({ dataDir, migrationsDir: MIGRATIONS_DIR, clock: world.time, random })
  const clock = createClock(world.time)
  const now = clock.wallMs
  const log = pino({ level: 'silent' })
  const folder = join(dataDir, 'content', SHA.slice(0, 2))
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, SHA), PACKAGE)
  fill(store)
  const common = { store, now, clock, random, log, audit: createAudit({ store, now, clock }) }
  const devices = createDevices({ ...common, agentUpdateOf: () => null })
  const groups = createGroups({ ...common, devices, usedBy: () => [] })
  const content = createContent({
    ...common,
    dataDir,
    ticketKey: Buffer.alloc(32, 1),
    deviceOfLiveAttempt: () => null,
  })
  const sealed = createSealedArguments(Buffer.alloc(32, 2), random)
  const inspection = createInspection({ workersDir: TEST_WORKERS_DIR, clock, log })
  const software = createSoftware({ ...common, content, inspection, sealed, usedBy: () => [] })

  const history: unknown[] = []
  const note = (what: string, details: unknown): number =>
    history.push({ at: now(), what, details })
  const refuses = (): Promise<never> => Promise.reject(new Error('not in this world'))

  async function work(deviceId: DeviceId, { envelope }: { envelope: CommandEnvelope }) {
    const command = DeployPayload.parse(JSON.parse(envelope.payload))
    const { deployment_id, target_id, attempt, attempt_id } = command
    const names = { deployment_id, target_id, attempt, attempt_id }
    await clock.sleep(dice.below(60_000))
    await deployments.reportProgress(deviceId, { ...names, phase: 'installing' })
    await clock.sleep(dice.below(60_000))
    const failed = dice.fraction() < 0.3
    await deployments.result(deviceId, {
      ...names,
      ...(failed
        ? { status: 'failed', reason: 'install_failed', message: 'It broke.', exit_code: 1 }
        : { status: 'success', message: '', exit_code: 0 }),
    })
  }
  const agents: AgentPort = {
    async deploy(deviceId, command) {
      note('deploy', command)
      await clock.sleep(dice.below(2_000))
      if (dice.fraction() < 0.2) throw new Error('the answer was lost')
      if (dice.fraction() < 0.2) return { accepted: false, why: 'busy', message: '' }
      void work(deviceId, command)
      return { accepted: true }
    },
    cancel: refuses,
    inspect: refuses,
    restart: refuses,
  }
  const deployments = createDeployments({
    ...common,
    ...{ devices, groups, software, sealed, agents },
    sign: (texts) =>
      Promise.resolve(texts.map((text) => createHash('sha256').update(text).digest('base64'))),
    keyId: () => 'key',
    ticketUrl: ({ attemptId }: { attemptId: AttemptId }) => `/content/${attemptId}`,
    settings: createSettings(common),
    workersDir: TEST_WORKERS_DIR,
  })
  try {
    const ids = Array.from({ length: PCS }, (_, i) => (i + 1) as DeviceId)
    devices.presence.onChange((id) => note('presence', id))
    deployments.subscribe((event) => note('event', event))
    // The last two stay away until their time is over.
    for (const id of ids.slice(0, -2)) devices.presence.linked(id)
    deployments.start()
    const id = deployments.create(
      VIEWER,
      CreateDeployment.parse({ name: 'Tool', software_ids: [1], device_ids: ids }),
    )
    const isActive = (): boolean => deployments.activity().active_deployments.length > 0
    for (let steps = 0; isActive() && steps < 1_000; steps++) await world.advance(STEP_MS)
    if (isActive()) throw new Error('the deployment did not end')
    note('ended', id)
    for (const table of ['deployments', 'deployment_targets', 'deployment_attempts', 'audit_log'])
      note(table, store.sqlite.prepare(`select * from ${table} order by 1`).all())
    return history.map((entry) => JSON.stringify(entry)).join('\n')
  } finally {
    deployments.stop()
    await software.stop()
    await inspection.stop()
    await content.stop()
    devices.stop()
    clock.stop()
    store.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}
