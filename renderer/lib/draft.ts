/** The draft of a deployment: what the wizard holds, whether a step is complete, and what is sent. Pure. */
import { z } from 'zod'
import type { CreateDeploymentInput } from '#shared/contract/requests.ts'
import { ArgumentSyntaxError, splitArguments } from '#shared/domain/argv.ts'
import { DeviceId, GroupId, SoftwareId } from '#shared/domain/ids.ts'
import { INSTALLER_KINDS, InstallerKind, kindOfFileName } from '#shared/domain/platforms.ts'
import { MAX_CONCURRENT_DEVICES, WAIT_MINUTES } from '#shared/domain/defaults.ts'

export const STEPS = ['software', 'targets', 'strategy', 'review'] as const
export type Step = (typeof STEPS)[number]

export const CustomDraft = z.object({
  name: z.string(),
  download_url: z.string(),
  install_args: z.string(),
  kind: InstallerKind.nullable(),
})
export type CustomDraft = z.infer<typeof CustomDraft>

export const Draft = z.object({
  step: z.enum(STEPS),
  name: z.string(),
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
})
export type Draft = z.infer<typeof Draft>

export const emptyDraft = (): Draft => ({
  step: 'software',
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
}

/** Messages per field; an empty object means the step is complete. */
export type StepErrors = Partial<
  Record<'software' | 'targets' | 'name' | 'max_concurrent' | 'wait_minutes' | 'timeout', string>
>

/** The file name that an address ends in, or ''. */
export function fileNameOfUrl(url: string): string {
  try {
    return decodeURIComponent(new URL(url).pathname.split('/').pop() ?? '')
  } catch {
    return ''
  }
}

/** The installer kind of a custom package: chosen, else told by its address. */
export const kindOfCustom = (custom: CustomDraft): InstallerKind | null =>
  custom.kind ?? kindOfFileName(fileNameOfUrl(custom.download_url.trim()))

export type CustomErrors = Partial<
  Record<'name' | 'download_url' | 'install_args' | 'kind', string>
>

/** What is wrong with a package from an address. */
export function checkCustom(custom: CustomDraft): CustomErrors {
  const errors: CustomErrors = {}
  if (custom.name.trim() === '') errors.name = 'Give the package a name.'
  else if (custom.name.trim().length > 200) errors.name = 'At most 200 characters.'
  const urlError = checkUrl(custom.download_url.trim())
  if (urlError) errors.download_url = urlError
  const kind = kindOfCustom(custom)
  if (!urlError && !kind)
    errors.kind = 'The address does not tell the kind of installer: choose it.'
  try {
    splitArguments(custom.install_args, kind ? INSTALLER_KINDS[kind].platform : 'linux')
  } catch (error) {
    if (!(error instanceof ArgumentSyntaxError)) throw error
    errors.install_args = `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`
  }
  return errors
}

function checkUrl(text: string): string | null {
  if (text === '') return 'Enter the address of the installer.'
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return 'This is not a complete address. It begins with http:// or https://.'
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return 'Only http and https addresses can be fetched.'
  if (url.username || url.password) return 'Leave user name and password out of the address.'
  if (text.length > 4096 || /\s/.test(text)) return 'The address holds spaces or is too long.'
  return null
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

const whole = (n: number | null, min: number, max: number) =>
  n !== null && Number.isInteger(n) && n >= min && n <= max

/** What is missing in one step. */
export function checkStep(draft: Draft, step: Step, known: Known): StepErrors {
  const errors: StepErrors = {}
  switch (step) {
    case 'software':
      if (draft.software_ids.length + draft.custom_software.length === 0)
        errors.software = 'Choose at least one software.'
      else if (draft.software_ids.some((id) => !known.software.has(id)))
        errors.software = 'Some of the chosen software was removed from the library.'
      else if (draft.software_ids.length > 50) errors.software = 'At most 50 at once.'
      else if (draft.custom_software.length > 20) errors.software = 'At most 20 addresses at once.'
      return errors
    case 'targets':
      if (draft.device_ids.length + draft.group_ids.length === 0)
        errors.targets = 'Choose at least one PC or group.'
      else if (
        draft.device_ids.some((id) => !known.devices.has(id)) ||
        draft.group_ids.some((id) => !known.groups.has(id))
      )
        errors.targets = 'Some of the chosen PCs or groups were removed.'
      else if (chosenDevices(draft, known).length === 0)
        errors.targets = 'The chosen groups have no PCs in them.'
      return errors
    case 'strategy':
      if (draft.name.trim() === '') errors.name = 'Give the deployment a name.'
      else if (draft.name.trim().length > 200) errors.name = 'At most 200 characters.'
      if (!whole(draft.max_concurrent, 1, 10_000))
        errors.max_concurrent = 'A whole number from 1 to 10 000.'
      if (draft.offline_policy === 'wait' && !whole(draft.wait_minutes, 1, 60 * 24 * 14))
        errors.wait_minutes = 'From 1 minute to 14 days.'
      if (draft.timeout_minutes !== null && !whole(draft.timeout_minutes, 1, 1_440))
        errors.timeout = 'From 1 to 1 440 minutes, or empty.'
      return errors
    case 'review':
      return errors
  }
}

/** The first step that is not complete, or 'review'. */
export function firstOpenStep(draft: Draft, known: Known): Step {
  return STEPS.find((step) => Object.keys(checkStep(draft, step, known)).length > 0) ?? 'review'
}

/** The step in which a field of the request is filled in: errors stand where they happened. */
export function stepOfPath(path: string | undefined): Step {
  if (!path) return 'review'
  if (path.startsWith('/software_ids') || path.startsWith('/custom_software')) return 'software'
  if (path.startsWith('/device_ids') || path.startsWith('/group_ids')) return 'targets'
  return 'strategy'
}

/** "VLC 3.0.21", "VLC 3.0.21 and 2 more". */
export function proposeName(names: readonly string[]): string {
  const [first] = names
  if (first === undefined) return ''
  const rest = names.length - 1
  const text = rest === 0 ? first : `${first} and ${rest} more`
  return text.length <= 200 ? text : `${text.slice(0, 199)}…`
}

/** The body of POST /deployments/create and /deployments/preflight. */
export function toRequest(draft: Draft): CreateDeploymentInput {
  return {
    name: draft.name.trim(),
    software_ids: draft.software_ids,
    device_ids: draft.device_ids,
    group_ids: draft.group_ids,
    custom_software: draft.custom_software.map((c) => ({
      name: c.name.trim(),
      download_url: c.download_url.trim(),
      install_args: c.install_args,
      ...(c.kind ? { kind: c.kind } : {}),
    })),
    strategy_type: 'parallel',
    strategy: { max_concurrent: draft.max_concurrent ?? MAX_CONCURRENT_DEVICES },
    offline_policy: draft.offline_policy,
    ...(draft.offline_policy === 'wait'
      ? { wait_minutes: draft.wait_minutes ?? WAIT_MINUTES }
      : {}),
    ...(draft.timeout_minutes !== null ? { timeout_seconds: draft.timeout_minutes * 60 } : {}),
  }
}
