/** The draft of a deployment: the wizard's state and the request. Pure. */
import { z } from 'zod'
import type { CreateDeploymentInput } from '#shared/contract/rest/deployment-requests.ts'
import { DeviceId, GroupId, SoftwareId } from '#shared/domain/ids.ts'
import { MAX_CONCURRENT_DEVICES, WAIT_MINUTES } from '#shared/domain/defaults.ts'
import { CustomDraft, platformOfCustom, withoutSecrets } from './custom-draft.ts'
import { newRequestId } from '../../api/request-id.ts'
import { presentMarks } from '../../ui/lib/secret-marks.ts'
import { RolloutDraft, rolloutRequest } from '../deployments/index.ts'
import { t } from './texts.ts'

export const STEPS = ['software', 'targets', 'strategy', 'review'] as const
export type Step = (typeof STEPS)[number]

export const Draft = z.object({
  step: z.enum(STEPS),
  /** Created with the draft, so that sending it twice starts only one deployment. */
  request_id: z.string().default(newRequestId),
  name: z.string(),
  /** Removals use software from the library only, and ignore dependencies. */
  action: z.enum(['install', 'uninstall']).default('install'),
  /** False once the user has typed a name, which ends the proposals. */
  name_is_proposed: z.boolean(),
  software_ids: z.array(SoftwareId),
  custom_software: z.array(CustomDraft),
  device_ids: z.array(DeviceId),
  group_ids: z.array(GroupId),
  max_concurrent: z.number().nullable(),
  offline_policy: z.enum(['fail', 'wait']),
  wait_minutes: z.number().nullable(),
  timeout_minutes: z.number().nullable(),
  ...RolloutDraft.shape,
})
export type Draft = z.infer<typeof Draft>

export const emptyDraft = (): Draft => ({
  step: 'software',
  request_id: newRequestId(),
  action: 'install',
  name: '',
  name_is_proposed: true,
  software_ids: [],
  custom_software: [],
  device_ids: [],
  group_ids: [],
  max_concurrent: MAX_CONCURRENT_DEVICES,
  offline_policy: 'fail',
  wait_minutes: WAIT_MINUTES,
  timeout_minutes: null,
  ...RolloutDraft.parse({}),
})

/** Whether discarding the draft loses nothing. */
export function isBlank(draft: Draft): boolean {
  return (
    draft.software_ids.length + draft.custom_software.length === 0 &&
    draft.device_ids.length + draft.group_ids.length === 0 &&
    (draft.name_is_proposed || draft.name.trim() === '')
  )
}

/** Everything that exists now; a stored draft may refer to items that do not. */
export type Known = {
  software: ReadonlySet<number>
  devices: ReadonlySet<number>
  /** Members by group. */
  groups: ReadonlyMap<number, readonly number[]>
  /** Dependencies by software, where there are any. */
  needs: ReadonlyMap<number, readonly number[]>
}

/** All PCs of the draft, including group members, each once and without removed ones. */
export function chosenDevices(draft: Draft, known: Known): number[] {
  const ids = new Set<number>(draft.device_ids)
  for (const group of draft.group_ids) for (const id of known.groups.get(group) ?? []) ids.add(id)
  return [...ids].filter((id) => known.devices.has(id))
}

/** Removes items that no longer exist from a draft, and counts them. */
export function dropUnknown(draft: Draft, known: Known): { draft: Draft; dropped: number } {
  const kept: Draft = {
    ...draft,
    software_ids: draft.software_ids.filter((id) => known.software.has(id)),
    device_ids: draft.device_ids.filter((id) => known.devices.has(id)),
    group_ids: draft.group_ids.filter((id) => known.groups.has(id)),
  }
  const size = (d: Draft) => d.software_ids.length + d.device_ids.length + d.group_ids.length
  return { draft: kept, dropped: size(draft) - size(kept) }
}

/** The step with this field of the request: errors are shown where they can be fixed. */
export function stepOfPath(path: string | undefined): Step {
  if (!path) return 'review'
  if (path.startsWith('/software_ids') || path.startsWith('/custom_software')) return 'software'
  if (path.startsWith('/device_ids') || path.startsWith('/group_ids')) return 'targets'
  return 'strategy'
}

/** Packages from a URL can only be installed; they stay in the draft when the action is switched. */
export const customOf = (draft: Draft): Draft['custom_software'] =>
  draft.action === 'install' ? draft.custom_software : []

const secretMarks = (custom: CustomDraft): string[] =>
  presentMarks(custom.install_args, custom.secret_args, platformOfCustom(custom))

/** The draft as it is stored: without secrets. */
export const toKeep = (draft: Draft): Draft => ({
  ...draft,
  custom_software: draft.custom_software.map(withoutSecrets),
})

/** "VLC 3.0.21", "VLC 3.0.21 and 2 more", "Remove VLC 3.0.21". */
export function proposeName(names: readonly string[], action: Draft['action'] = 'install'): string {
  const [first] = names
  if (first === undefined) return ''
  const more = names.length - 1
  const name = more === 0 ? first : t('name.more', { name: first, more })
  const text = action === 'install' ? name : t('name.remove', { name })
  return text.length <= 200 ? text : `${text.slice(0, 199)}…`
}

/** The body of POST /deployments/create and /deployments/preflight. */
export function toRequest(draft: Draft): CreateDeploymentInput {
  return {
    name: draft.name.trim(),
    ...(draft.action === 'uninstall' ? { action: draft.action } : {}),
    software_ids: draft.software_ids,
    device_ids: draft.device_ids,
    group_ids: draft.group_ids,
    custom_software: customOf(draft).map((c) => ({
      name: c.name.trim(),
      download_url: c.download_url.trim(),
      install_args: c.install_args,
      ...(secretMarks(c).length > 0 ? { secret_args: secretMarks(c) } : {}),
      ...(c.kind ? { kind: c.kind } : {}),
    })),
    ...rolloutRequest(draft),
    offline_policy: draft.offline_policy,
    ...(draft.offline_policy === 'wait'
      ? { wait_minutes: draft.wait_minutes ?? WAIT_MINUTES }
      : {}),
    ...(draft.timeout_minutes !== null ? { timeout_seconds: draft.timeout_minutes * 60 } : {}),
  }
}
