/** A newer agent for a PC, in words. */
import type { AgentUpdate, Device } from '#shared/contract/rest/entities.ts'
import type { Look } from '../../ui/lib/states.ts'

/** How the update of a PC's agent stands; its words stand alone, in a list too. */
export function lookOfUpdate({ state, version }: AgentUpdate): Look {
  switch (state) {
    case 'available':
    case 'unsupported':
      return { label: `Agent ${version} is available`, tone: 'skipped', shape: 'arrow' }
    case 'updating':
      return { label: `Its agent is being updated to ${version}`, tone: 'running', shape: 'half' }
    case 'failed':
      return { label: `The update of its agent to ${version} failed`, tone: 'failed', shape: 'cross' } // prettier-ignore
  }
}

/** The words on the button that orders it now, or null where that is no use. */
export function updateAction(
  d: Pick<Device, 'agent_update' | 'online' | 'approved' | 'blocked'>,
): string | null {
  if (!d.online || !d.approved || d.blocked) return null
  if (d.agent_update?.state === 'available') return 'Update agent'
  return d.agent_update?.state === 'failed' ? 'Try again' : null
}
