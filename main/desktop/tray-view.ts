/** What the tray shows for a pulse. Pure. */
import type { DeploymentId } from '#shared/domain/ids.ts'
import type { Pulse } from './pulse.ts'
import { menuText, pcsInWords, plainText } from './words.ts'

export type TrayState = 'idle' | 'working' | 'attention'
export type TrayAction =
  | { do: 'open' }
  | { do: 'open-deployment'; id: DeploymentId }
  | { do: 'open-devices' }
  | { do: 'new-deployment' }
  | { do: 'quit' }
export type TrayEntry =
  | { type: 'separator' }
  | { type: 'note'; label: string }
  | { type: 'action'; label: string; action: TrayAction }
export type TrayView = { state: TrayState; tooltip: string; menu: TrayEntry[] }

/** A menu is no list: further entries are only counted. */
const MAX_LISTED = 8
/** Windows truncates longer tooltips. */
const MAX_TOOLTIP_LENGTH = 127

const stateOf = ({ activity, unseen }: Pulse): TrayState => {
  if (unseen.length > 0 || activity.pending_devices > 0) return 'attention'
  return activity.active_deployments.length > 0 || activity.running_targets > 0 ? 'working' : 'idle'
}

const counted = (count: number, one: string, many: string): string =>
  count === 1 ? `1 ${one}` : `${count} ${many}`

function listed<T extends { id: DeploymentId }>(
  items: readonly T[],
  label: (item: T) => string,
): TrayEntry[] {
  const entries = items.slice(0, MAX_LISTED).map((item): TrayEntry => ({
    type: 'action',
    label: menuText(label(item)),
    action: { do: 'open-deployment', id: item.id },
  }))
  const more = items.length - entries.length
  return more > 0 ? [...entries, { type: 'note', label: `and ${more} more` }] : entries
}

export function trayView(pulse: Pulse): TrayView {
  const { activity, unseen } = pulse
  const line = `Hub ${pulse.hubAddress} · ${pcsInWords(activity.online_agents, activity.total_devices)}`
  const active = activity.active_deployments
  const paused = unseen.filter(({ isPaused }) => isPaused).length
  const failed = unseen.length - paused
  const waiting = activity.pending_devices
  const waits =
    waiting > 0 ? [counted(waiting, 'PC waits for approval', 'PCs wait for approval')] : []
  const tooltip = [
    'DeployX',
    line,
    ...(active.length > 0 ? [counted(active.length, 'deployment runs', 'deployments run')] : []),
    ...(failed > 0 ? [counted(failed, 'has failures', 'have failures')] : []),
    ...(paused > 0 ? [`${paused} paused by failures`] : []),
    ...waits,
  ]
  return {
    state: stateOf(pulse),
    tooltip: plainText(tooltip.join(' · '), MAX_TOOLTIP_LENGTH),
    menu: [
      { type: 'action', label: 'Open DeployX', action: { do: 'open' } },
      { type: 'separator' },
      { type: 'note', label: menuText(plainText(line, MAX_TOOLTIP_LENGTH)) },
      ...waits.map((label): TrayEntry => ({
        type: 'action',
        label,
        action: { do: 'open-devices' },
      })),
      ...listed(active, (d) => `${plainText(d.name)} ${d.ended}/${d.total}`),
      ...listed(unseen, (d) =>
        d.isPaused
          ? `${plainText(d.name)}: paused, ${d.failed} failed`
          : `${plainText(d.name)}: ${d.failed} failed`,
      ),
      { type: 'separator' },
      { type: 'action', label: 'New deployment', action: { do: 'new-deployment' } },
      { type: 'separator' },
      { type: 'action', label: 'Quit', action: { do: 'quit' } },
    ],
  }
}

/**
 * The icon file of a state. macOS colours a template itself; elsewhere the icon must match the bar.
 * @param darkBar whether the desktop's bar is dark
 */
export function trayIconFile(
  state: TrayState,
  platform: NodeJS.Platform,
  darkBar: boolean,
): string {
  if (platform === 'darwin') return `${state}Template.png`
  return `${state}-on-${darkBar ? 'dark' : 'light'}.${platform === 'win32' ? 'ico' : 'png'}`
}
