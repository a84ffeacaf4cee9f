/** Audit entries in readable form. */
import type { AuditEntry } from '#shared/contract/rest/audit.ts'
import { formatExact } from '../../ui/lib/format.ts'
import { z } from 'zod'
import { AuditAction } from '#shared/domain/audit-actions.ts'
import { upperFirst } from '#shared/domain/upper-first.ts'
import { t } from './texts.ts'

const knownAction = (action: string): AuditAction | undefined => AuditAction.safeParse(action).data

/** `deployment.cancel` → "Deployment cancelled". An action of another version is shown by its identifier, without the dots. */
export function actionInWords(action: string): string {
  const known = knownAction(action)
  return known ? t(`names.${known}`) : upperFirst(action.replace(/[._]+/g, ' ').trim())
}

/** The actor of an entry: the controller, an unknown person, or a user. */
export const actorInWords = (actor: string): string =>
  actor === 'system' ? t('text.theController') : actor === 'unknown' ? t('text.someone') : actor

/** Stands for a name while the sentence is split. Names do not contain control characters. */
const slot = (name: string) => `\u0001${name}\u0001`
const SLOT = /(\u0001\w+\u0001)/

export type SentencePart = { text: string; strong: boolean }

/** "anna created deployment VLC", in parts; names are emphasised. */
export function sentenceOf(
  entry: Pick<AuditEntry, 'actor' | 'action' | 'subject'>,
): SentencePart[] {
  const values: Record<string, string> = {
    [slot('who')]: actorInWords(entry.actor),
    [slot('what')]: entry.subject,
    [slot('What')]: upperFirst(entry.subject),
    [slot('name')]: entry.subject.replace(/^\S+ /, ''),
  }
  const slots = { who: slot('who'), what: slot('what'), What: slot('What'), name: slot('name') }
  const known = knownAction(entry.action)
  const sentence = known
    ? t(`sentences.${known}`, slots)
    : t('unknownAction', { ...slots, action: actionInWords(entry.action) })
  return sentence
    .split(SLOT)
    .filter(Boolean)
    .map((part) => ({ text: values[part] ?? part, strong: Object.hasOwn(values, part) }))
}

const ISO_TIME = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g

/** Formats a change recorded as JSON as "version: 2, publisher: VideoLAN", and times in local time; leaves other text unchanged. */
export const detailsInWords = (details: string): string =>
  changeInWords(details).replace(ISO_TIME, (iso) => formatExact(iso))

function changeInWords(details: string): string {
  const start = details.indexOf('{')
  if (start < 0) return details
  try {
    const change: unknown = JSON.parse(details.slice(start))
    const parts = Object.entries(change as object).map(
      ([key, value]: [string, unknown]) =>
        `${key.replaceAll('_', ' ')}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
    )
    return details.slice(0, start) + parts.join(', ')
  } catch {
    return details
  }
}

const Packages = z
  .array(
    z.object({
      name: z.string(),
      version: z.string(),
      platform: z.string(),
      arch: z.string(),
      file_name: z.string(),
      sha256: z.string().nullable(),
      install_args: z.string(),
    }),
  )
  .catch([])
const Devices = z.object({
  device_count: z.number(),
  devices: z.array(z.object({ id: z.number(), name: z.string() })),
  devices_sha256: z.string(),
})
/** Shown separately, or already part of the sentence. */
const SHOWN = ['packages', 'device_count', 'devices', 'devices_sha256', 'targets', 'password']

/** The structured data of an entry, as far as this version knows it; the rest as label and value. */
export function dataOf(data: Record<string, unknown> | null) {
  const devices = Devices.safeParse(data)
  const inText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
  const isEmpty = (value: unknown) =>
    value === null || value === '' || (Array.isArray(value) && value.length === 0)
  return {
    packages: Packages.parse(data?.['packages']).map((one) => ({
      title: one.version ? `${one.name} ${one.version}` : one.name,
      platform: [one.platform, one.arch].filter((part) => part !== 'any').join(' '),
      file: one.file_name,
      args: one.install_args,
      sha256: one.sha256,
    })),
    devices: devices.success
      ? {
          count: devices.data.device_count,
          named: devices.data.devices,
          sha256: devices.data.devices_sha256,
        }
      : null,
    rest: Object.entries(data ?? {})
      .filter(([key, value]) => !SHOWN.includes(key) && !isEmpty(value))
      .map(([key, value]) => ({
        label: upperFirst(key.replaceAll('_', ' ')),
        value: inText(value).slice(0, 500),
        mono: /sha256|^[[{]/.test(key + inText(value)),
      })),
  }
}
