/** Resolves and checks what a request chooses, for a deployment and for its preview alike. Writes nothing. */
import { AppError } from '#shared/contract/errors.ts'
import type { CreateDeployment } from '#shared/contract/rest/deployment-requests.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import { chooseInstaller } from '#shared/domain/platforms.ts'
import { waveSizes } from '#shared/domain/strategy.ts'
import type { Now, Viewer } from '../../../base/context.ts'
import type { ChosenDevice, DeviceRow, Devices } from '../../devices/index.ts'
import type { Groups } from '../../groups/index.ts'
import type { Software, SoftwareWithInstallers } from '../../software/index.ts'

export type ChoiceDeps = {
  now: Now
  devices: Devices
  groups: Groups
  software: Pick<
    Software,
    'resolve' | 'checkCustom' | 'nameOf' | 'fileFault' | 'areSecretsLost' | 'installersOf'
  >
}

export const softwareTitle = (item: { name: string; version: string }): string =>
  item.version ? `${item.name} ${item.version}` : item.name

/** @throws AppError E_NOT_FOUND (unknown, or owned by someone else), E_NO_TARGETS */
export function chosenDevices(
  deps: ChoiceDeps,
  input: CreateDeployment,
  viewer: Viewer,
): ChosenDevice[] {
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

export type WaveDevice = Pick<DeviceRow, 'id' | 'name' | 'platform' | 'arch'>

/** Sorts PC-9 before PC-10. One shared instance: creating it takes longer than comparing ten thousand names. */
const byName = new Intl.Collator('en', { numeric: true })

/**
 * The devices in wave order: online ones first, because a first wave of PCs that are switched off would prove nothing.
 * Then by name, so that the preview and the deployment agree.
 */
function inWaveOrder<T extends WaveDevice>(deps: ChoiceDeps, devices: T[]): T[] {
  const { presence } = deps.devices
  const later = (row: WaveDevice) => (presence.isOnline(row.id) ? 0 : 1)
  return [...devices].sort(
    (a, b) => later(a) - later(b) || byName.compare(a.name, b.name) || a.id - b.id,
  )
}
export type Waves<T extends WaveDevice = WaveDevice> = {
  devices: T[]
  waveOf: (deviceId: DeviceId) => number
  sizes: number[]
}
export function cutIntoWaves<T extends WaveDevice>(
  deps: ChoiceDeps,
  input: Pick<CreateDeployment, 'strategy_type' | 'strategy'>,
  all: T[],
): Waves<T> {
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
 * Software in installation order: as chosen, except that dependencies come first.
 * @throws AppError E_VALIDATION on a dependency cycle
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
/** @throws AppError E_VALIDATION naming the missing dependencies */
function checkNeeds(deps: ChoiceDeps, software: SoftwareWithInstallers[]): void {
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
export function chosenSoftware(
  deps: ChoiceDeps,
  input: CreateDeployment,
  viewer: Viewer,
): SoftwareWithInstallers[] {
  const library = deps.software.resolve([...new Set(input.software_ids)], viewer)
  if (input.action === 'install') checkNeeds(deps, library)
  deps.software.checkCustom(input.custom_software)
  // To remove, dependents come before their dependencies.
  return input.action === 'install' ? inOrder(library) : inOrder(library).reverse()
}

/**
 * Checks that the controller has every file it would have to send, undamaged. Skips software that no chosen device takes.
 * @throws AppError E_ILLEGAL_STATE naming the files to upload again, or the secrets to enter again
 */
export function checkFiles(
  deps: ChoiceDeps,
  input: CreateDeployment,
  devices: WaveDevice[],
  software: SoftwareWithInstallers[],
): void {
  const isInstall = input.action === 'install'
  const platforms = new Map(devices.map((device) => [`${device.platform}/${device.arch}`, device]))
  const unusable = software.flatMap((item) => {
    for (const device of platforms.values()) {
      const installer = chooseInstaller(item.installers, device)
      // Removing needs no file, unless the uninstaller is inside an archive.
      const isSent = isInstall || Boolean(installer?.archive?.uninstall_entry)
      if (installer !== null && deps.software.areSecretsLost(installer))
        throw AppError.of('secrets_lost', { software: softwareTitle(item) }, [
          {
            path: `/software_ids/${input.software_ids.indexOf(item.id)}`,
            message: 'needs its secrets again',
          },
        ])
      const fault = installer !== null && isSent ? deps.software.fileFault(installer) : null
      if (fault) return [{ item, fault }]
    }
    return []
  })
  const [first] = unusable
  if (!first) return
  const title = softwareTitle(first.item)
  const n = unusable.length - 1
  const details = unusable.slice(0, 20).map(({ item, fault }) => ({
    path: `/software_ids/${input.software_ids.indexOf(item.id)}`,
    message: `the file of ${softwareTitle(item)} is ${fault}`,
  }))
  throw n > 0
    ? AppError.of(`files_${first.fault}`, { software: title, n }, details)
    : AppError.of(`file_${first.fault}`, { software: title }, details)
}

/** A start in the past is most likely a wrong clock or time zone; up to a minute is tolerated. */
const LATE_MS = 60_000
export function checkTimes(deps: ChoiceDeps, input: CreateDeployment): void {
  if (input.scheduled_at !== undefined && Date.parse(input.scheduled_at) < deps.now() - LATE_MS)
    throw new AppError('E_VALIDATION', 'The start lies in the past.', [
      { path: '/scheduled_at', message: 'must lie in the future' },
    ])
}
