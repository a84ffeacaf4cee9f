/** Texts for agent updates. */
import type { AgentUpdate, Device } from '#shared/contract/rest/devices.ts'
import type { Look } from '../../ui/lib/states.ts'
import { t } from './texts.ts'

/** The state of an agent update; the label must be understandable on its own, in a list too. */
export function lookOfUpdate({ state, version }: AgentUpdate): Look {
  switch (state) {
    case 'available':
    case 'unsupported':
      return { label: t('update.available', { version }), tone: 'skipped', shape: 'arrow' }
    case 'updating':
      return { label: t('update.updating', { version }), tone: 'running', shape: 'half' }
    case 'failed':
      return {
        label: t('update.failed', { version }),
        tone: 'failed',
        shape: 'cross',
      }
  }
}

/** The label of the button that starts the update, or null if it cannot be started. */
export function updateAction(
  d: Pick<Device, 'agent_update' | 'online' | 'approved' | 'blocked'>,
): string | null {
  if (!d.online || !d.approved || d.blocked) return null
  if (d.agent_update?.state === 'available') return t('update.updateAgent')
  return d.agent_update?.state === 'failed' ? t('update.tryAgain') : null
}
