/** The draft of a deployment: what the wizard holds and what is sent. Pure. */
import { z } from 'zod'
import type { CreateDeploymentInput } from '#shared/contract/rest/requests.ts'
import { DeviceId, GroupId, SoftwareId } from '#shared/domain/ids.ts'
import { MAX_CONCURRENT_DEVICES, WAIT_MINUTES } from '#shared/domain/defaults.ts'
import { CustomDraft, platformOfCustom, withoutSecrets } from './custom-draft.ts'
import { newRequestId } from '../../api/request-id.ts'
import { presentMarks } from '../../ui/lib/secret-marks.ts'
import { RolloutDraft, rolloutRequest } from '../deployments/index.ts'

export const STEPS = ['software', 'targets', 'strategy', 'review'] as const
export type Step = (typeof STEPS)[number]

export const Draft = z.object({
  step: z.enum(STEPS),
  /** Made with the draft: sent twice, it starts one deployment. */
  request_id: z.string().default(newRequestId),
  name: z.string(),
  /** To remove, software of the library only, and without what it needs. */
  action: z.enum(['install', 'uninstall']).default('install'),
  /** False once a person has written the name: proposals stop. */
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

/** Whether anything in it would be lost. */
export function isBlank(draft: Draft): boolean {
  return (
    draft.software_ids.length + draft.custom_software.length === 0 &&
    draft.device_ids.length + draft.group_ids.length === 0 &&
    (draft.name_is_proposed || draft.name.trim() === '')
  )
}

/** What exists now; a draft kept over a restart may name things that do not. */
export type Known = {
  software: ReadonlySet<number>
  devices: ReadonlySet<number>
  /** Members per group. */
  groups: ReadonlyMap<number, readonly number[]>
  /** What each software needs, where it needs any. */
  needs: ReadonlyMap<number, readonly number[]>
}

/** All PCs of the draft, groups expanded, each once; what no longer exists is left out. */
export function chosenDevices(draft: Draft, known: Known): number[] {
  const ids = new Set<number>(draft.device_ids)
  for (const group of draft.group_ids) for (const id of known.groups.get(group) ?? []) ids.add(id)
  return [...ids].filter((id) => known.devices.has(id))
}

/** Takes out of a draft what no longer exists; tells how much that was. */
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

/** The step in which a field of the request is filled in: errors stand where they happened. */
export function stepOfPath(path: string | undefined): Step {
  if (!path) return 'review'
  if (path.startsWith('/software_ids') || path.startsWith('/custom_software')) return 'software'
  if (path.startsWith('/device_ids') || path.startsWith('/group_ids')) return 'targets'
  return 'strategy'
}

/** What is given by its address can be installed only; it stays in the draft while that is switched to and fro. */
export const customOf = (draft: Draft): Draft['custom_software'] =>
  draft.action === 'install' ? draft.custom_software : []

const secretMarks = (custom: CustomDraft): string[] =>
  presentMarks(custom.install_args, custom.secret_args, platformOfCustom(custom))

/** As it is kept over a restart: without secrets. */
export const toKeep = (draft: Draft): Draft => ({
  ...draft,
  custom_software: draft.custom_software.map(withoutSecrets),
})

/** "VLC 3.0.21", "VLC 3.0.21 and 2 more", "Remove VLC 3.0.21". */
export function proposeName(names: readonly string[], action: Draft['action'] = 'install'): string {
  const [first] = names
  if (first === undefined) return ''
  const rest = names.length - 1
  const text =
    (action === 'install' ? '' : 'Remove ') + (rest === 0 ? first : `${first} and ${rest} more`)
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
