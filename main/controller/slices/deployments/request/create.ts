/** Turns a request into rows: checks everything first, then writes all of it in one transaction. */
import { AppError } from '#shared/contract/errors.ts'
import type { CreateDeployment } from '#shared/contract/rest/deployment-requests.ts'
import type { DeploymentId } from '#shared/domain/ids.ts'
import { chooseInstaller } from '#shared/domain/platforms.ts'
import { ownTimeZone } from '#shared/domain/time-zone.ts'
import { isoTime, type Viewer } from '../../../base/context.ts'
import type { Software, SoftwareWithInstallers } from '../../software/index.ts'
import type { Store } from '../../../store/store.ts'
import {
  checkFiles,
  checkTimes,
  chosenDevices,
  chosenSoftware,
  cutIntoWaves,
  softwareTitle,
  type ChoiceDeps,
  type WaveDevice,
  type Waves,
} from './choose.ts'
import type { DeploymentsRepo, NewTarget } from '../tables/deployments.repo.ts'
import { startsLater } from './starts-later.ts'
import type { AuditRecords } from '../audit-records.ts'

/** Most targets of one deployment; more would be a mistake at the scale the product is made for. */
const TARGET_LIMIT = 20_000

type Deps = ChoiceDeps & {
  store: Store
  repo: DeploymentsRepo
  auditRecords: AuditRecords
  software: Pick<Software, 'createCustom'>
}

/** The installer for each device: looked up once per platform and architecture, not once per device. */
export function targetsOf(
  { devices, waveOf }: Waves,
  software: Pick<SoftwareWithInstallers, 'id' | 'installers'>[],
): NewTarget[] {
  const choices = new Map<
    string,
    ReturnType<typeof chooseInstaller<SoftwareWithInstallers['installers'][number]>>
  >()
  const choose = (device: WaveDevice, item: (typeof software)[number]) => {
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

/** Writes the deployment and its targets. @throws AppError, and then writes nothing */
export function createDeployment(
  deps: Deps,
  viewer: Viewer,
  input: CreateDeployment,
): DeploymentId {
  const library = chosenSoftware(deps, input, viewer)
  checkTimes(deps, input)
  const devices = chosenDevices(deps, input, viewer)
  checkFiles(deps, input, devices, library)
  const waves = cutIntoWaves(deps, input, devices)
  if (devices.length * (library.length + input.custom_software.length) > TARGET_LIMIT)
    throw new AppError(
      'E_VALIDATION',
      `This would create more than ${TARGET_LIMIT} targets. Split it into several deployments.`,
    )

  const times = {
    scheduled_at: input.scheduled_at === undefined ? null : isoTime(Date.parse(input.scheduled_at)),
    // Stored with its zone: the controller may move to another zone, and its pages are read in others.
    maintenance_window: input.maintenance_window
      ? { time_zone: ownTimeZone(), ...input.maintenance_window }
      : null,
  }
  return deps.store.transaction(() => {
    const software = [...library, ...deps.software.createCustom(input.custom_software, viewer)]
    const row = deps.repo.insert(
      {
        name: input.name,
        status: 'pending',
        created_by: viewer.id,
        created_at: isoTime(deps.now()),
        action: input.action,
        strategy_type: input.strategy_type,
        strategy: input.strategy,
        wave_count: waves.sizes.length,
        ...times,
        chosen: startsLater(times, deps.now())
          ? {
              device_ids: [...new Set(input.device_ids)],
              group_ids: [...new Set(input.group_ids)],
              software_ids: software.map((item) => item.id),
            }
          : null,
        offline_policy: input.offline_policy,
        wait_minutes: input.wait_minutes,
        timeout_seconds: input.timeout_seconds ?? null,
        reboot: input.reboot,
        reboot_delay_minutes: input.reboot_delay_minutes,
        allow_removals: input.allow_removals,
        software_names: software.map(softwareTitle),
        device_count: devices.length,
      },
      targetsOf(waves, software),
    )
    deps.auditRecords.created(viewer, row, input, software, devices)
    return row.id
  })
}
