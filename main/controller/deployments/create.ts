/** From a request to rows: everything is checked first, then written in one transaction, or nothing is. */
import type { Preflight, PreflightTarget } from '#shared/contract/entities.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { CreateDeployment } from '#shared/contract/requests.ts'
import type { DeploymentId, DeviceId } from '#shared/domain/ids.ts'
import { chooseInstaller } from '#shared/domain/platforms.ts'
import { waveSizes } from '#shared/domain/strategy.ts'
import type { Audit } from '../audit/index.ts'
import { isoTime, type Now, type Viewer } from '../context.ts'
import type { DeviceRow, Devices } from '../devices/index.ts'
import type { Groups } from '../groups/index.ts'
import type { Software, SoftwareWithInstallers } from '../software/index.ts'
import type { Store } from '../store/store.ts'
import type { DeploymentsRepo, NewTarget } from './deployments.repo.ts'

/** Targets of one deployment: more would be a mistake at the scale the product is made for. */
const TARGET_LIMIT = 20_000

/** Names told per wave in a preview. */
const WAVE_NAMES = 5

type Deps = {
  store: Store
  repo: DeploymentsRepo
  now: Now
  audit: Audit
  devices: Devices
  groups: Groups
  software: Pick<Software, 'resolve' | 'createCustom' | 'checkCustom' | 'nameOf'>
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

/**
 * The devices in the order in which waves take them: those that are there now come first, because a first wave of PCs that
 * are switched off would prove nothing. Then by name, so that the preview and the deployment agree.
 */
function inWaveOrder(deps: Deps, devices: DeviceRow[]): DeviceRow[] {
  const { presence } = deps.devices
  const later = (row: DeviceRow) => (presence.isOnline(row.id) ? 0 : 1)
  return [...devices].sort(
    (a, b) => later(a) - later(b) || a.name.localeCompare(b.name) || a.id - b.id,
  )
}
type Waves = { devices: DeviceRow[]; waveOf: (deviceId: DeviceId) => number; sizes: number[] }
function cutIntoWaves(deps: Deps, input: CreateDeployment, all: DeviceRow[]): Waves {
  const devices = inWaveOrder(deps, all)
  const sizes = waveSizes(input.strategy_type, input.strategy, devices.length)
  const waves = new Map<DeviceId, number>()
  let next = 0
  sizes.forEach((size, i) => {
    for (const device of devices.slice(next, next + size)) waves.set(device.id, i + 1)
    next += size
  })
  return { devices, waveOf: (id) => waves.get(id) ?? 1, sizes }
}

/**
 * Software in the order of installation: as chosen, except that what another one needs comes before it.
 * @throws AppError E_VALIDATION when something is needed that was not chosen, or two need each other
 */
function inOrder(software: SoftwareWithInstallers[]): SoftwareWithInstallers[] {
  const chosen = new Map(software.map((item) => [item.id, item]))
  const ordered = new Set<SoftwareWithInstallers>()
  const visit = (item: SoftwareWithInstallers, needing: SoftwareWithInstallers[]): void => {
    if (ordered.has(item)) return
    if (needing.includes(item))
      throw new AppError(
        'E_VALIDATION',
        `${[...needing, item].map((i) => i.name).join(' needs ')}: this never ends. Change what they need under Software.`,
        [{ path: '/software_ids', message: 'software needs itself' }],
      )
    for (const id of item.depends_on) {
      const needed = chosen.get(id)
      if (needed) visit(needed, [...needing, item])
    }
    ordered.add(item)
  }
  for (const item of software) visit(item, [])
  return [...ordered]
}
/** @throws AppError E_VALIDATION naming what is missing */
function checkNeeds(deps: Deps, software: SoftwareWithInstallers[]): void {
  const chosen = new Set(software.map((item) => item.id))
  const missing = software.flatMap((item) =>
    item.depends_on.flatMap((id) => {
      const name = chosen.has(id) ? undefined : deps.software.nameOf(id)
      return name === undefined
        ? []
        : [{ path: '/software_ids', message: `${item.name} needs ${name} (software ${id})` }]
    }),
  )
  const [first] = missing
  if (first)
    throw new AppError('E_VALIDATION', `${first.message}. Choose it as well.`, missing.slice(0, 20))
}
/** @throws AppError E_VALIDATION, E_NOT_FOUND, E_URL_INVALID */
function chosenSoftware(
  deps: Deps,
  input: CreateDeployment,
  viewer: Viewer,
): SoftwareWithInstallers[] {
  const library = deps.software.resolve([...new Set(input.software_ids)], viewer)
  checkNeeds(deps, library)
  deps.software.checkCustom(input.custom_software)
  return inOrder(library)
}

/** A start in the past is most likely a mistake of the clock or the zone; a minute is not. */
const LATE_MS = 60_000
function checkTimes(deps: Deps, input: CreateDeployment): void {
  if (input.scheduled_at !== undefined && Date.parse(input.scheduled_at) < deps.now() - LATE_MS)
    throw new AppError('E_VALIDATION', 'The start lies in the past.', [
      { path: '/scheduled_at', message: 'must lie in the future' },
    ])
}

/** Which installer each device takes: looked up once per platform and architecture, not once per device. */
function targetsOf({ devices, waveOf }: Waves, software: SoftwareWithInstallers[]): NewTarget[] {
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
      wave: waveOf(device.id),
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
  const library = chosenSoftware(deps, input, viewer)
  checkTimes(deps, input)
  const devices = chosenDevices(deps, input, viewer)
  const waves = cutIntoWaves(deps, input, devices)
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
        strategy: input.strategy,
        wave_count: waves.sizes.length,
        scheduled_at:
          input.scheduled_at === undefined ? null : isoTime(Date.parse(input.scheduled_at)),
        maintenance_window: input.maintenance_window ?? null,
        offline_policy: input.offline_policy,
        wait_minutes: input.wait_minutes,
        timeout_seconds: input.timeout_seconds ?? null,
        software_names: software.map(title),
        device_count: devices.length,
      },
      targetsOf(waves, software),
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
  const library = chosenSoftware(deps, input, viewer)
  checkTimes(deps, input)
  const waves = cutIntoWaves(deps, input, chosenDevices(deps, input, viewer))
  const { devices } = waves
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
    waves: waves.sizes.map((device_count, i) => ({
      wave: i + 1,
      device_count,
      device_names: devices
        .filter((device) => waves.waveOf(device.id) === i + 1)
        .slice(0, WAVE_NAMES)
        .map((device) => device.name),
    })),
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
