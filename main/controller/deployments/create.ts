/** From a request to rows: everything is checked first, then written in one transaction, or nothing is. */
import type { Preflight, PreflightTarget } from '#shared/contract/entities.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { CreateDeployment } from '#shared/contract/requests.ts'
import type { DeploymentId, DeviceId } from '#shared/domain/ids.ts'
import { chooseInstaller } from '#shared/domain/platforms.ts'
import type { Audit } from '../audit/index.ts'
import { isoTime, type Now, type Viewer } from '../context.ts'
import type { DeviceRow, Devices } from '../devices/index.ts'
import type { Groups } from '../groups/index.ts'
import type { Software, SoftwareWithInstallers } from '../software/index.ts'
import type { Store } from '../store/store.ts'
import type { DeploymentsRepo, NewTarget } from './deployments.repo.ts'

/** Targets of one deployment: more would be a mistake at the scale the product is made for. */
const TARGET_LIMIT = 20_000

type Deps = {
  store: Store
  repo: DeploymentsRepo
  now: Now
  audit: Audit
  devices: Devices
  groups: Groups
  software: Pick<Software, 'resolve' | 'createCustom' | 'checkCustom'>
}

/** @throws AppError E_NOT_FOUND (unknown or not his), E_NO_TARGETS */
function chosenDevices(deps: Deps, input: CreateDeployment, viewer: Viewer): DeviceRow[] {
  const direct = deps.devices.resolve([...new Set(input.device_ids)], viewer)
  const memberIds = deps.groups.membersOf([...new Set(input.group_ids)], viewer)
  const known = new Set(direct.map((row) => row.id))
  const fromGroups = deps.devices.resolve(
    memberIds.filter((id) => !known.has(id)),
    viewer,
  )
  const all = [...direct, ...fromGroups]
  if (all.length === 0) throw new AppError('E_NO_TARGETS', 'The chosen groups hold no devices.')
  return all
}

/** Which installer each device takes: looked up once per platform and architecture, not once per device. */
function targetsOf(devices: DeviceRow[], software: SoftwareWithInstallers[]): NewTarget[] {
  const choices = new Map<
    string,
    ReturnType<typeof chooseInstaller<SoftwareWithInstallers['installers'][number]>>
  >()
  const choose = (device: DeviceRow, item: SoftwareWithInstallers) => {
    const key = `${item.id}/${device.platform}/${device.arch}`
    if (!choices.has(key)) choices.set(key, chooseInstaller(item.installers, device))
    return choices.get(key) ?? null
  }
  return devices.flatMap((device) =>
    software.map((item, position) => ({
      device_id: device.id,
      software_id: item.id,
      installer_id: choose(device, item)?.id ?? null,
      position,
    })),
  )
}

const title = (item: { name: string; version: string }): string =>
  item.version ? `${item.name} ${item.version}` : item.name

/** Writes the deployment and its targets. @throws AppError and leaves nothing behind */
export function createDeployment(
  deps: Deps,
  viewer: Viewer,
  input: CreateDeployment,
): DeploymentId {
  const library = deps.software.resolve([...new Set(input.software_ids)], viewer)
  deps.software.checkCustom(input.custom_software)
  const devices = chosenDevices(deps, input, viewer)
  if (devices.length * (library.length + input.custom_software.length) > TARGET_LIMIT)
    throw new AppError(
      'E_VALIDATION',
      `This would make more than ${TARGET_LIMIT} targets. Split it into several deployments.`,
    )

  return deps.store.transaction(() => {
    const software = [...library, ...deps.software.createCustom(input.custom_software, viewer)]
    const row = deps.repo.insert(
      {
        name: input.name,
        status: 'pending',
        created_by: viewer.id,
        created_at: isoTime(deps.now()),
        action: 'install',
        strategy_type: input.strategy_type,
        max_concurrent: input.strategy.max_concurrent,
        offline_policy: input.offline_policy,
        wait_minutes: input.wait_minutes,
        timeout_seconds: input.timeout_seconds ?? null,
        software_names: software.map(title),
        device_count: devices.length,
      },
      targetsOf(devices, software),
    )
    deps.audit.record(
      viewer,
      'deployment.create',
      `deployment ${row.name}`,
      `${software.map(title).join(', ')} to ${devices.length} devices: ${devices.map((d) => d.name).join(', ')}`,
    )
    return row.id
  })
}

/** What would happen per target, from what the controller knows at this moment. Writes nothing. */
export function preflight(
  deps: Deps,
  viewer: Viewer,
  input: CreateDeployment,
  busy: ReadonlySet<DeviceId>,
): Preflight {
  const library = deps.software.resolve([...new Set(input.software_ids)], viewer)
  deps.software.checkCustom(input.custom_software)
  const devices = chosenDevices(deps, input, viewer)
  const targets = devices.flatMap((device) => [
    ...library.map((item) => foresee(deps, input, device, item, busy)),
    ...input.custom_software.map((item) => ({
      ...base(device),
      software_id: null,
      software_name: item.name,
      size_bytes: null,
      ...reach(deps, input, device, busy),
    })),
  ])
  return {
    targets,
    device_count: devices.length,
    software_count: library.length + input.custom_software.length,
    total_bytes: targets
      .filter((t) => t.outcome === 'ready' || t.outcome === 'will_wait')
      .reduce((sum, t) => sum + (t.size_bytes ?? 0), 0),
  }
}

type Foreseen = Pick<PreflightTarget, 'outcome' | 'reason' | 'message'>
const base = (device: DeviceRow) => ({ device_id: device.id, device_name: device.name })

function foresee(
  deps: Deps,
  input: CreateDeployment,
  device: DeviceRow,
  item: SoftwareWithInstallers,
  busy: ReadonlySet<DeviceId>,
): PreflightTarget {
  const installer = chooseInstaller(item.installers, device)
  const size_bytes = installer?.size_bytes ?? null
  const says = (f: Foreseen): PreflightTarget => ({
    ...base(device),
    software_id: item.id,
    software_name: title(item),
    size_bytes,
    ...f,
  })
  if (!installer)
    return says({
      outcome: 'will_skip',
      reason: 'no_installer',
      message: `${title(item)} has no installer for ${device.platform} ${device.arch}. Add one under Software.`,
    })
  // Downloaded, then unpacked beside it: twice the size is the least that must be free.
  if (
    size_bytes !== null &&
    device.free_disk_bytes !== null &&
    device.free_disk_bytes < 2 * size_bytes
  )
    return says({
      outcome: 'will_fail',
      reason: 'disk_space',
      message: 'The disk is too full. Free some space on it first.',
    })
  return says(reach(deps, input, device, busy))
}

function reach(
  deps: Deps,
  input: CreateDeployment,
  device: DeviceRow,
  busy: ReadonlySet<DeviceId>,
): Foreseen {
  if (device.blocked || !device.approved)
    return {
      outcome: 'will_skip',
      reason: 'device_deleted',
      message: 'It is blocked or not approved. Approve it under Devices.',
    }
  switch (deps.devices.presence.reachability(device.id)) {
    case 'online':
      return busy.has(device.id)
        ? {
            outcome: 'will_wait',
            reason: 'device_busy',
            message: 'Another deployment is at work on it; this one follows.',
          }
        : { outcome: 'ready', reason: null, message: 'Online and free.' }
    case 'connecting':
      return {
        outcome: 'will_wait',
        reason: 'connecting',
        message: 'Its agent is expected to connect any moment.',
      }
    case 'offline':
      return input.offline_policy === 'wait'
        ? {
            outcome: 'will_wait',
            reason: 'waiting_for_device',
            message: `Offline; waits up to ${input.wait_minutes} minutes for it.`,
          }
        : {
            outcome: 'will_fail',
            reason: 'offline',
            message: 'Offline. Switch it on, or let the deployment wait for it.',
          }
  }
}
