/** Texts for agent updates. */
import type { AgentUpdate, Device } from '#shared/contract/rest/entities.ts'
import type { Look } from '../../ui/lib/states.ts'

/** The state of an agent update; the label must be understandable on its own, in a list too. */
export function lookOfUpdate({ state, version }: AgentUpdate): Look {
  switch (state) {
    case 'available':
    case 'unsupported':
      return { label: `Agent ${version} is available`, tone: 'skipped', shape: 'arrow' }
    case 'updating':
      return { label: `Its agent is being updated to ${version}`, tone: 'running', shape: 'half' }
    case 'failed':
      return {
        label: `The update of its agent to ${version} failed`,
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
  if (d.agent_update?.state === 'available') return 'Update agent'
  return d.agent_update?.state === 'failed' ? 'Try again' : null
}
