/**
 * Predicts what would happen per target, from the answers of connected agents and, for other PCs, from what the controller
 * knows. Writes nothing, neither here nor on the PCs.
 */
import { inspectText, type InspectReply } from '#shared/contract/agent/inspect.ts'
import type { WorkConditions } from '#shared/contract/agent/work-conditions.ts'
import type { Detection } from '#shared/contract/detection.ts'
import type { Preflight, PreflightTarget } from '#shared/contract/rest/deployments.ts'
import type { CreateDeployment } from '#shared/contract/rest/deployment-requests.ts'
import { coded, readCoded, type CodedText } from '#shared/domain/coded-texts/codes.ts'
import { compose } from '#shared/domain/coded-texts/compose.ts'
import { neededDiskBytes } from '#shared/domain/disk.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import { isForOneUser } from '#shared/domain/installer-scope.ts'
import { chooseInstaller } from '#shared/domain/platforms.ts'
import { removalObstacle } from '#shared/domain/removal.ts'
import { isoTime, type Log, type Viewer } from '../../../base/context.ts'
import type { ChosenDevice } from '../../devices/index.ts'
import type { Signer } from '../../signing/index.ts'
import type { InstallerRow, Software, SoftwareWithInstallers } from '../../software/index.ts'
import {
  checkFiles,
  checkTimes,
  chosenDevices,
  chosenSoftware,
  cutIntoWaves,
  softwareTitle,
  type ChoiceDeps,
} from './choose.ts'
import type { Restarts } from '../restarts/restarts.ts'
import type { AgentRules } from '../shell/agent-rules.ts'
import type { AgentPort } from '../shell/sender.ts'

/** The most that agents accept in one request; detection scripts beyond it are left out. */
const QUESTION_LIMIT_CHARS = 200 * 1024
/** Short, because a person is waiting. */
const ASK_TIMEOUT_MS = 3_000
/** Ask at most this many devices, so that the answer comes in time; the others are judged from stored data. */
const ASK_LIMIT = 500
/** Device names listed per wave. */
const WAVE_NAMES = 5

const TOO_OLD = coded('cannot_restart_too_old', {})

type Deps = ChoiceDeps & {
  software: Pick<Software, 'lastFetched'>
  agents: Pick<AgentPort, 'inspect'>
  sign: Signer['sign']
  keyId: () => string
  log: Log
  /** The conditions under which PCs may work, as set now. */
  conditions: () => WorkConditions
  workingDevices: () => ReadonlySet<DeviceId>
  restarts: Pick<Restarts, 'abilityOf' | 'restartingDevices'>
  agentRules: Pick<AgentRules, 'unreadable'>
}
type Answer = Extract<InspectReply, { ok: true }>
type Foreseen = Pick<PreflightTarget, 'outcome' | 'reason' | 'held_by'> & { text: CodedText }

/** Leaves out scripts that would make the request longer than agents accept. */
function bounded(rules: (Detection | null)[]): (Detection | null)[] {
  let left = QUESTION_LIMIT_CHARS
  return rules.map((rule) => {
    if (rule?.type !== 'script') return rule
    left -= JSON.stringify(rule).length
    return left < 0 ? null : rule
  })
}

/** The answers of these devices' agents; agents that do not answer in time are left out. */
async function ask(
  deps: Deps,
  devices: ChosenDevice[],
  software: SoftwareWithInstallers[],
): Promise<Map<DeviceId, Answer>> {
  const asked = devices
    .filter((d) => !d.blocked && d.approved && deps.devices.presence.isOnline(d.id))
    .slice(0, ASK_LIMIT)
  const conditions = deps.conditions()
  const payloads = asked.map((device) =>
    JSON.stringify({
      device_id: device.id,
      issued_at: isoTime(deps.now()),
      detections: bounded(
        software
          .map((item) => chooseInstaller(item.installers, device)?.detection ?? null)
          // The agent would refuse the whole request.
          .map((rule) => (deps.agentRules.unreadable(device.id, rule) ? null : rule)),
      ),
      conditions,
    }),
  )
  const key_id = deps.keyId()
  const signatures = await deps.sign(payloads.map(inspectText))
  const answers = new Map<DeviceId, Answer>()
  await Promise.all(
    asked.map(async ({ id }, i) => {
      try {
        const signature = signatures[i]
        if (!signature) return
        const envelope = { payload: payloads[i]!, signature, key_id }
        const answer = await deps.agents.inspect(id, { envelope }, ASK_TIMEOUT_MS)
        if (answer.ok) answers.set(id, answer)
      } catch (error) {
        deps.log.debug({ err: error, deviceId: id }, 'an agent did not answer a request')
      }
    }),
  )
  return answers
}

/** @throws AppError as creating the deployment would */
export async function preflight(
  deps: Deps,
  viewer: Viewer,
  input: CreateDeployment,
): Promise<Preflight> {
  const library = chosenSoftware(deps, input, viewer)
  checkTimes(deps, input)
  const chosen = chosenDevices(deps, input, viewer)
  checkFiles(deps, input, chosen, library)
  const waves = cutIntoWaves(deps, input, chosen)
  const { devices } = waves
  const answers = await ask(deps, devices, library)
  const fetched = input.custom_software.map((item) => deps.software.lastFetched(item, viewer))
  const working = deps.workingDevices()
  const restarting = deps.restarts.restartingDevices()
  const targets = devices.flatMap((device) => {
    const answer = answers.get(device.id)
    const isBusy = working.has(device.id) || answer?.busy === true
    const base = {
      device_id: device.id,
      device_name: device.name,
      live: answer !== undefined,
      ...foreseeRestart(deps, input, device),
    }
    const comes = restarting.has(device.id)
      ? RESTARTING
      : reach(deps, input, device, isBusy, answer)
    return [
      ...library.map((item, i) => {
        const installer = chooseInstaller(item.installers, device)
        return {
          ...base,
          software_id: item.id,
          software_name: softwareTitle(item),
          size_bytes: sentBytes(installer, input.action),
          ...toWire(
            foreseeRule(deps, device, item) ??
              foresee(device, item, answer, answer?.presences[i], input.action === 'install') ??
              forOneUser(comes, installer, {
                ...{ args: installer?.install_args ?? '', action: input.action },
                text: coded('ready_for_one_user', { software: softwareTitle(item) }),
              }),
          ),
        }
      }),
      ...input.custom_software.map((item, i) => ({
        ...base,
        software_id: null,
        software_name: item.name,
        size_bytes: null,
        ...toWire(
          forOneUser(comes, fetched[i] && chooseInstaller([fetched[i]], device), {
            ...{ args: item.install_args, action: input.action },
            text: coded('ready_address_for_one_user', { software: item.name }),
          }),
        ),
      })),
    ]
  })
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

/** Bytes sent to one PC. Removing sends a file only when the uninstaller is in the archive. */
const sentBytes = (
  installer: SoftwareWithInstallers['installers'][number] | null,
  action: CreateDeployment['action'],
): number | null =>
  installer && (action === 'install' || installer.archive?.uninstall_entry)
    ? installer.size_bytes
    : null

const toWire = ({ text, ...foreseen }: Foreseen) => ({
  ...foreseen,
  message: compose(text),
  code: text.code,
  params: text.params,
})

const RESTARTING: Foreseen = {
  outcome: 'will_wait',
  reason: 'device_busy',
  text: coded('will_restart', {}),
}

/** Whether the device is restarted if an installer asks for it. Unknown for a device that has not connected yet. */
function foreseeRestart(
  deps: Deps,
  input: CreateDeployment,
  device: ChosenDevice,
): Pick<PreflightTarget, 'restart' | 'restart_note' | 'restart_note_code' | 'restart_note_params'> {
  if (input.reboot === 'never') return { restart: 'never', restart_note: null }
  const ability = deps.restarts.abilityOf(device.id)
  if (ability === 'too_old')
    return {
      restart: 'impossible',
      restart_note: compose(TOO_OLD),
      restart_note_code: TOO_OLD.code,
      restart_note_params: TOO_OLD.params,
    }
  if (!ability || ability.possible) return { restart: 'may_follow', restart_note: null }
  const text = readCoded(ability.code, ability.params)
  return text === null
    ? { restart: 'impossible', restart_note: ability.why }
    : {
        restart: 'impossible',
        restart_note: compose(text),
        restart_note_code: text.code,
        restart_note_params: text.params,
      }
}

/** Says so when the software would be installed, but for one user. */
function forOneUser(
  comes: Foreseen,
  installer: Pick<InstallerRow, 'knowledge'> | null | undefined,
  by: { args: string; action: CreateDeployment['action']; text: CodedText },
): Foreseen {
  if (comes.outcome !== 'ready' || by.action !== 'install') return comes
  if (!isForOneUser(installer?.knowledge, by.args)) return comes
  return { outcome: 'ready', reason: null, text: by.text }
}

/** Its agent cannot read the rule. Null: it can, or it has not connected yet. */
function foreseeRule(
  deps: Deps,
  device: ChosenDevice,
  item: SoftwareWithInstallers,
): Foreseen | null {
  const installer = chooseInstaller(item.installers, device)
  const rule = deps.agentRules.unreadable(device.id, installer?.detection ?? null)
  if (!rule) return null
  return {
    outcome: 'will_fail',
    reason: 'rejected_by_agent',
    text: coded('will_lack_rule', { software: softwareTitle(item), rule: rule.type }),
  }
}

/** The outcome of this software on this device, whether or not it can be reached; null: nothing prevents it. */
function foresee(
  device: ChosenDevice,
  item: SoftwareWithInstallers,
  answer: Answer | undefined,
  presence: Answer['presences'][number] | undefined,
  isInstall: boolean,
): Foreseen | null {
  const installer = chooseInstaller(item.installers, device)
  if (!installer)
    return {
      outcome: 'will_skip',
      reason: 'no_installer',
      text: coded('will_lack_installer', {
        software: softwareTitle(item),
        platform: device.platform,
        arch: device.arch,
      }),
    }
  if (presence === (isInstall ? 'present' : 'absent'))
    return {
      outcome: 'will_skip',
      reason: 'already_installed',
      text: coded(isInstall ? 'is_installed' : 'is_not_installed', {
        software: softwareTitle(item),
      }),
    }
  if (!isInstall) {
    const obstacle = removalObstacle(installer)
    if (obstacle !== null)
      return {
        outcome: 'will_fail',
        reason: 'install_failed',
        text: coded(obstacle, { software: softwareTitle(item) }),
      }
    // Removing writes nothing to the disk, unless the uninstaller is in an archive.
    if (!installer.archive?.uninstall_entry) return null
  }
  const free = answer?.free_disk_bytes ?? device.free_disk_bytes
  if (
    installer.size_bytes !== null &&
    free !== null &&
    free < neededDiskBytes(installer.size_bytes, installer.archive?.expanded_bytes)
  )
    return {
      outcome: 'will_fail',
      reason: 'disk_space',
      text: coded('disk_too_full', {}),
    }
  return null
}

/** Whether the device can be reached, and whether it is busy. */
function reach(
  deps: Deps,
  input: CreateDeployment,
  device: ChosenDevice,
  isBusy: boolean,
  answer: Answer | undefined,
): Foreseen {
  if (device.blocked || !device.approved)
    return {
      outcome: 'will_skip',
      reason: 'device_deleted',
      text: coded('not_approved', {}),
    }
  switch (deps.devices.presence.reachability(device.id)) {
    case 'online':
      // Shown even for a busy device, because a person can do something about it.
      if (answer?.held_by && !deps.conditions()[answer.held_by])
        return {
          outcome: 'will_wait',
          reason: 'retry_later',
          text: coded(`waits_${answer.held_by}`, { n: input.wait_minutes }),
          held_by: answer.held_by,
        }
      if (isBusy)
        return {
          outcome: 'will_wait',
          reason: 'device_busy',
          text: coded('busy_with_another', {}),
        }
      return answer?.reboot_pending
        ? {
            outcome: 'ready',
            reason: 'reboot_pending',
            text: coded('ready_needs_restart', {}),
          }
        : { outcome: 'ready', reason: null, text: coded('ready', {}) }
    case 'connecting':
      return {
        outcome: 'will_wait',
        reason: 'connecting',
        text: coded('connecting', {}),
      }
    case 'offline':
      return input.offline_policy === 'wait'
        ? {
            outcome: 'will_wait',
            reason: 'waiting_for_device',
            text: coded('offline_waits', { n: input.wait_minutes }),
          }
        : {
            outcome: 'will_fail',
            reason: 'offline',
            text: coded('offline_fails', {}),
          }
  }
}
