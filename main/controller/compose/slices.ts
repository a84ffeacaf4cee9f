/** Creates the slices in the order of their dependencies: each uses only what was created above it. */
import type { ControllerSettings } from '#shared/contract/rest/settings-routes.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import { createAgentFiles } from '../base/agent-files.ts'
import type { Clock, Random } from '../base/context.ts'
import { startIndexing } from '../base/indexing.ts'
import { createSealedArguments } from '../base/sealed-arguments.ts'
import { createAgentsEdge } from '../edges/agents/agents.ts'
import { watchOwnNetwork } from '../edges/agents/own-network.ts'
import { createAgentUpdates, createUpdateKnowledge } from '../slices/agent-updates/index.ts'
import { createAudit } from '../slices/audit/index.ts'
import { createChecks } from '../slices/check/index.ts'
import { createContent } from '../slices/content/index.ts'
import { createDeploymentFacts, createDeployments } from '../slices/deployments/index.ts'
import { createDeviceFacts, createDevices } from '../slices/devices/index.ts'
import { createEnrollment, createPairing } from '../slices/enrollment/index.ts'
import { createGroups } from '../slices/groups/index.ts'
import {
  commandKeys,
  createIdentity,
  type ControllerKeys,
  type Restored,
} from '../slices/identity/index.ts'
import { createInspection } from '../slices/inspection/index.ts'
import { createInventories } from '../slices/inventory/index.ts'
import { createRequests } from '../slices/requests/index.ts'
import { createSettings } from '../slices/settings/index.ts'
import { createSigner } from '../slices/signing/index.ts'
import { createSoftware } from '../slices/software/index.ts'
import { createPasswords, createUsers } from '../slices/users/index.ts'
import type { Store } from '../store/store.ts'
import type { ControllerOptions } from './controller.types.ts'
import type { HubPlace } from './hub-place.ts'
import { createOwnership } from './ownership.ts'
import { createTakeOver } from './take-over.ts'

export type Slices = ReturnType<typeof createSlices>

export function createSlices(deps: {
  options: ControllerOptions
  store: Store
  clock: Clock
  random: Random
  firstKeys: ControllerKeys
  /** This start completed a restore. */
  restored: Restored | null
  place: HubPlace
  /** Steps of the stop, run in reverse order. */
  undo: (() => unknown)[]
}) {
  const { options, store, clock, random, place, undo } = deps
  const { dataDir, log } = options
  const now = clock.wallMs

  const deploymentFacts = createDeploymentFacts(store)
  const audit = createAudit({
    store,
    now,
    clock,
    publicKeys: () => commandKeys(dataDir),
    deploymentsOfDevice: deploymentFacts.idsOfDevice,
    predecessorsOfDevice: createDeviceFacts(store).predecessors,
  })
  const common = { store, now, clock, random, log, audit }
  const settings = createSettings({ store, audit, log })
  const identity = createIdentity({
    dataDir,
    databaseFile: store.file,
    migrationsDir: options.migrationsDir,
    workersDir: options.workersDir,
    version: options.version,
    keys: deps.firstKeys,
    restored: deps.restored,
    now,
    clock,
    random,
    audit,
  })
  undo.push(() => identity.stop())
  const { keys } = identity
  const checks = createChecks({
    input: () => ({
      dataDir,
      migrationsDir: options.migrationsDir,
      vaultKey: keys().vaultKey,
      addresses: place.addresses(),
    }),
    workersDir: options.workersDir,
    now,
    clock,
    log,
  })
  undo.push(() => checks.stop())
  const signer = createSigner({
    keyFile: keys().command.keyFile,
    vaultKey: keys().vaultKey,
    databaseFile: store.file,
    agentsDir: options.agentsDir ?? null,
    workersDir: options.workersDir,
    clock,
  })
  undo.push(() => signer.stop())
  undo.push(audit.startSealing(signer.sign, log))
  const agentFiles = createAgentFiles(options.agentsDir ?? null)
  const updateKnowledge = createUpdateKnowledge(store, agentFiles)
  const devices = createDevices({
    ...common,
    agentUpdateOf: updateKnowledge.viewOf,
    presenceTimings: options.timings?.presence,
  })
  undo.push(
    () => devices.stop(),
    watchOwnNetwork({
      clock,
      isDefaultRoute: place.isDefaultRoute,
      lost: devices.presence.beginGrace,
    }),
  )
  const inventories = createInventories({ ...common, devices })
  const groups = createGroups({
    ...common,
    devices,
    usedBy: deploymentFacts.usingGroup,
  })
  const enrollment = createEnrollment({
    ...common,
    devices,
    groups,
    keys,
    addresses: place.addresses,
    agentFiles,
  })
  undo.push(() => enrollment.stop())
  const pairing = createPairing({
    ...common,
    devices,
    keys,
    addresses: place.addresses,
    timings: options.timings?.pairing,
  })
  const content = createContent({
    store,
    dataDir,
    now,
    clock,
    random,
    log,
    ticketKey: keys().ticketKey,
    deviceOfLiveAttempt: (id): DeviceId | null => {
      const device = deploymentFacts.deviceOfLiveAttempt(id)
      return device === null || devices.eligibility(device).refused ? null : device
    },
  })
  undo.push(() => content.stop())
  const limit = ({ bandwidth_hub_kib_s, bandwidth_device_kib_s }: ControllerSettings): void =>
    content.setLimits({
      hub: bandwidth_hub_kib_s && bandwidth_hub_kib_s * 1024,
      device: bandwidth_device_kib_s && bandwidth_device_kib_s * 1024,
    })
  limit(settings.get())
  settings.onChange(limit)
  const inspection = createInspection({ workersDir: options.workersDir, clock, log })
  const sealed = createSealedArguments(keys().argumentsKey, random)
  const software = createSoftware({
    ...common,
    content,
    sealed,
    inspection,
    fetchOptions: { allowPrivateFetch: options.allowPrivateFetch ?? false },
    usedBy: deploymentFacts.usingSoftware,
  })
  const agents = createAgentsEdge(clock)
  const deployments = createDeployments({
    ...common,
    devices,
    groups,
    software,
    sealed,
    agents,
    sign: signer.sign,
    keyId: () => keys().command.keyId,
    ticketUrl: content.ticketUrl,
    settings,
    workersDir: options.workersDir,
    timings: options.timings?.engine,
  })
  const users = createUsers({
    ...common,
    passwords: createPasswords({ workersDir: options.workersDir, clock, random }),
    ownership: createOwnership({ devices, groups, software, enrollment, deployments }),
  })
  undo.push(() => users.stop())
  const agentUpdates = createAgentUpdates({
    ...common,
    devices,
    knowledge: updateKnowledge,
    policy: options.agentUpdates ?? (() => settings.get().agent_updates),
    workingDevices: deployments.workingDevices,
    agents,
    sign: signer.sign,
    keyId: () => keys().command.keyId,
    timings: options.timings?.updates,
  })
  settings.onChange(() => agentUpdates.lookSoon())
  software.onInstallerSettled((id) => deployments.installerSettled(id))
  devices.onChange(({ id, what }) => {
    if (what === 'removed' || what === 'refused') content.cut(id)
    if (what === 'removed') {
      agents.refuse(id, 'This device was removed from the controller.')
      inventories.forget(id)
      groups.deviceRemoved(id)
    }
    if (what === 'refused') agents.refuse(id, 'This device is blocked.')
  })

  const requests = createRequests({ store, now, clock, random, secret: keys().jwtSecret })
  undo.push(() => requests.stop())

  undo.push(
    startIndexing({
      time: clock,
      log,
      steps: { audit: audit.index, deployments: deployments.index, titles: inventories.index },
      isPaused: () => store.freeSpace.isLow(),
    }),
  )

  return {
    ...{ audit, settings, identity, checks, signer, devices, inventories, groups, agentFiles },
    ...{ enrollment, pairing, content, inspection, software, agents, deployments, users },
    agentUpdates,
    takeOver: createTakeOver({ store, devices, groups, deployments }),
    requests,
  }
}
