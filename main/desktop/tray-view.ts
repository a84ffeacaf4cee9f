/** What the tray shows for a pulse. Pure. */
import type { DeploymentId } from '#shared/domain/ids.ts'
import type { Pulse } from './pulse.ts'
import { menuText, pcsInWords, plainText } from './words.ts'
import { t } from './texts.ts'

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
  return more > 0 ? [...entries, { type: 'note', label: t('tray.more', { n: more }) }] : entries
}

export function trayView(pulse: Pulse): TrayView {
  const { activity, unseen } = pulse
  const line = t('tray.hub', {
    address: pulse.hubAddress,
    pcs: pcsInWords(activity.online_agents, activity.total_devices),
  })
  const active = activity.active_deployments
  const paused = unseen.filter(({ isPaused }) => isPaused).length
  const failed = unseen.length - paused
  const waiting = activity.pending_devices
  const waits = waiting > 0 ? [t('pcs.waiting', { n: waiting })] : []
  const tooltip = [
    'DeployX',
    line,
    ...(active.length > 0 ? [t('tray.running', { n: active.length })] : []),
    ...(failed > 0 ? [t('tray.failed', { n: failed })] : []),
    ...(paused > 0 ? [t('tray.paused', { n: paused })] : []),
    ...waits,
  ]
  return {
    state: stateOf(pulse),
    tooltip: plainText(tooltip.join(' · '), MAX_TOOLTIP_LENGTH),
    menu: [
      { type: 'action', label: t('tray.open'), action: { do: 'open' } },
      { type: 'separator' },
      { type: 'note', label: menuText(plainText(line, MAX_TOOLTIP_LENGTH)) },
      ...waits.map((label): TrayEntry => ({
        type: 'action',
        label,
        action: { do: 'open-devices' },
      })),
      ...listed(active, ({ name, ended, total }) =>
        t('tray.progress', { name: plainText(name), ended, total }),
      ),
      ...listed(unseen, ({ name, failed, isPaused }) =>
        t(isPaused ? 'tray.deploymentPaused' : 'tray.deploymentFailed', {
          name: plainText(name),
          failed,
        }),
      ),
      { type: 'separator' },
      { type: 'action', label: t('newDeployment'), action: { do: 'new-deployment' } },
      { type: 'separator' },
      { type: 'action', label: t('quit'), action: { do: 'quit' } },
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
