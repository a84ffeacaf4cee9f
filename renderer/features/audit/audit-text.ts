/** Audit entries in readable form. */
import type { AuditEntry } from '#shared/contract/rest/audit.ts'
import { formatExact } from '../../ui/lib/format.ts'
import { z } from 'zod'
import { AuditAction } from '#shared/domain/audit-actions.ts'

/** A short name for the filter, and a sentence with who, what (the subject) and name (the subject without its kind). */
type Words = { name: string; sentence: string }

const WORDS: Record<AuditAction, Words> = {
  'access.refused': { name: 'Request refused', sentence: '{who} was refused: {what}' },
  'audit.export': { name: 'Audit trail exported', sentence: '{who} exported the audit trail' },
  'controller.restore': { name: 'Controller restored', sentence: '{who} was restored: {what}' },
  'controller.rotate_keys': { name: 'Keys changed', sentence: '{who} made a new {what}' },
  'controller.save_recovery': { name: 'Recovery file saved', sentence: '{who} saved a {what}' },
  'deployment.cancel': { name: 'Deployment cancelled', sentence: '{who} cancelled {what}' },
  'deployment.create': { name: 'Deployment created', sentence: '{who} created {what}' },
  'deployment.end': { name: 'Deployment ended', sentence: '{What} ended' },
  'deployment.pause': { name: 'Deployment paused', sentence: '{who} paused {what}' },
  'deployment.start': { name: 'Deployment started', sentence: '{What} started' },
  'deployment.restart': { name: 'Restart ordered', sentence: '{who} ordered a restart of {what}' },
  'deployment.restart_end': { name: 'Restart ended', sentence: 'The restart of {what} ended' },
  'deployment.restarts_cancel': {
    name: 'Restarts called off',
    sentence: '{who} called off the restarts of {what}',
  },
  'deployment.resume': { name: 'Deployment resumed', sentence: '{who} resumed {what}' },
  'deployment.retry': { name: 'Deployment retried', sentence: '{who} retried {what}' },
  'deployment.stop_all': { name: 'All deployments stopped', sentence: '{who} stopped {what}' },
  'device.agent_update_failed': {
    name: 'Update of an agent failed',
    sentence: 'The update of the agent of {what} failed',
  },
  'device.agent_updated': { name: 'Agent updated', sentence: 'The agent of {what} was updated' },
  'device.agent_updates_stopped': {
    name: 'Updates of agents stopped',
    sentence: 'Updates with {what} stopped by themselves',
  },
  'device.approve': { name: 'Device approved', sentence: '{who} approved {what}' },
  'device.block': { name: 'Device blocked', sentence: '{who} blocked {what}' },
  'device.delete': { name: 'Device removed', sentence: '{who} removed {what}' },
  'device.enroll': { name: 'Device enrolled', sentence: '{What} enrolled' },
  'device.hardware': {
    name: 'Hardware of a device changed',
    sentence: '{What} came back on other hardware',
  },
  'device.split': { name: 'Copied identity split', sentence: '{What} carried a copied identity' },
  'device.twin': {
    name: 'Identity found on two PCs',
    sentence: 'The identity of {what} was found on two PCs',
  },
  'device.records_lost': {
    name: 'Records of an agent lost',
    sentence: 'The agent of {what} lost records of its own',
  },
  'device.pair': {
    name: 'Device enrolled without a code',
    sentence: '{who} enrolled {what} by its digits',
  },
  'device.update_agent': {
    name: 'Update of an agent ordered',
    sentence: '{who} ordered an update of the agent of {what}',
  },
  'device.reject': { name: 'Device rejected', sentence: '{who} rejected {what}' },
  'device.rename': { name: 'Device renamed', sentence: '{who} renamed {what}' },
  'device.take_over': {
    name: 'Reinstalled device taken over',
    sentence: '{who} had {what} take over after it was reinstalled',
  },
  'device.keep_both': {
    name: 'Devices kept apart',
    sentence: '{who} said that {what} is another PC',
  },
  'enrollment.create': { name: 'Code made', sentence: '{who} made {what}' },
  'enrollment.revoke': { name: 'Code revoked', sentence: '{who} revoked {what}' },
  'group.create': { name: 'Group created', sentence: '{who} created {what}' },
  'group.delete': { name: 'Group removed', sentence: '{who} removed {what}' },
  'group.update': { name: 'Group changed', sentence: '{who} changed {what}' },
  'settings.update': { name: 'Settings changed', sentence: '{who} changed {what}' },
  'software.add_installer': {
    name: 'Installer added',
    sentence: '{who} added an installer to {what}',
  },
  'software.create': { name: 'Software added', sentence: '{who} added {what}' },
  'software.delete': { name: 'Software removed', sentence: '{who} removed {what}' },
  'software.update': { name: 'Software changed', sentence: '{who} changed {what}' },
  'software.update_installer': {
    name: 'Installer corrected',
    sentence: '{who} corrected an installer of {what}',
  },
  'software.upload_file': {
    name: 'Installer file uploaded again',
    sentence: '{who} brought back a missing file of {what}',
  },
  'user.change_password': {
    name: 'Password changed',
    sentence: '{who} changed their own password',
  },
  'user.create': { name: 'User added', sentence: '{who} added {what}' },
  'user.delete': { name: 'User removed', sentence: '{who} removed {what}' },
  'user.end_session': { name: 'Session ended', sentence: '{who} ended one of their sessions' },
  'user.end_sessions': { name: 'User signed out', sentence: '{who} signed {what} out everywhere' },
  'user.login': { name: 'Sign-in', sentence: '{who} signed in' },
  'user.login_failed': { name: 'Sign-in refused', sentence: 'A sign-in as {name} was refused' },
  'user.logout': { name: 'Sign-out', sentence: '{who} signed out' },
  'user.logout_all': { name: 'Signed out everywhere', sentence: '{who} signed out everywhere' },
  'user.reset_password': { name: 'Password reset', sentence: '{who} reset the password of {what}' },
  'user.session_reused': {
    name: 'Copied session ended',
    sentence: 'A session of {name} was used twice and ended',
  },
  'user.setup': { name: 'First account', sentence: '{who} made the first account' },
  'user.update': { name: 'User changed', sentence: '{who} changed {what}' },
}
const wordsOf = (action: string): Words | null => {
  const known = AuditAction.safeParse(action)
  return known.success ? WORDS[known.data] : null
}
const upperFirst = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

/** `deployment.cancel` → "Deployment cancelled". An action of another version is shown by its identifier, without the dots. */
export const actionInWords = (action: string): string =>
  wordsOf(action)?.name ?? upperFirst(action.replace(/[._]+/g, ' ').trim())

/** The actor of an entry: the controller, an unknown person, or a user. */
export const actorInWords = (actor: string): string =>
  actor === 'system' ? 'The controller' : actor === 'unknown' ? 'Somebody' : actor

export type SentencePart = { text: string; strong: boolean }

/** "anna created deployment VLC", in parts; names are emphasised. */
export function sentenceOf(
  entry: Pick<AuditEntry, 'actor' | 'action' | 'subject'>,
): SentencePart[] {
  const sentence =
    wordsOf(entry.action)?.sentence ?? `{who}: ${actionInWords(entry.action)}, {what}`
  const values: Record<string, string> = {
    '{who}': actorInWords(entry.actor),
    '{what}': entry.subject,
    '{What}': upperFirst(entry.subject),
    '{name}': entry.subject.replace(/^\S+ /, ''),
  }
  return sentence
    .split(/(\{\w+\})/)
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
