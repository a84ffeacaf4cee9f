/** What an emergency stop means, before it is done. Pure. */
import type { Deployment } from '#shared/contract/entities.ts'
import { countOf } from './format.ts'

const NAMED = 3

/** The question of the confirm dialog: what stops, and what still ends. */
export function stopQuestion(active: readonly Pick<Deployment, 'name' | 'counts' | 'restarts'>[]): {
  title: string
  text: string
  action: string
  keep: string
  danger: true
} {
  const sum = (of: (d: (typeof active)[number]) => number) =>
    active.reduce((all, d) => all + of(d), 0)
  const stopping = sum((d) => d.counts.pending + d.counts.downloading)
  const installing = sum((d) => d.counts.installing)
  const restarting = sum((d) => d.restarts.owed + d.restarts.announced)
  const names = active.slice(0, NAMED).map((d) => d.name)
  const more = active.length - names.length
  const which = `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
  return {
    title: active.length === 1 ? 'Stop the deployment?' : `Stop all ${active.length} deployments?`,
    text: [
      `${which}.`,
      stopping > 0
        ? `${countOf(stopping, 'target')} that ${stopping === 1 ? 'waits or downloads stops' : 'wait or download stop'} here.`
        : '',
      installing > 0
        ? `${countOf(installing, 'installer')} that already ${installing === 1 ? 'runs is' : 'run are'} left to end, because cutting one off can damage a PC.`
        : 'No installer is running.',
      restarting > 0
        ? `${countOf(restarting, 'restart')} that ${restarting === 1 ? 'waits or is' : 'wait or are'} announced ${restarting === 1 ? 'is' : 'are'} called off.`
        : '',
    ]
      .filter(Boolean)
      .join(' '),
    action: active.length === 1 ? 'Stop it' : `Stop ${active.length} deployments`,
    keep: 'Keep running',
    danger: true,
  }
}
