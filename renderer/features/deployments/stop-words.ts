/** Confirmation texts for cancelling and the emergency stop. Pure. */
import type { Deployment } from '#shared/contract/rest/deployments.ts'
import { countOf } from '../../ui/lib/format.ts'

type Question = { title: string; text: string; action: string; keep: string; danger: true }

const NAMED = 3

/** For cancelling one deployment: what stops, and what still finishes. */
export function cancelQuestion({
  action,
  counts,
}: Pick<Deployment, 'action' | 'counts'>): Question {
  const isInstall = action === 'install'
  const { installing } = counts
  const stopping = counts.pending + counts.downloading
  const [is, it] = installing === 1 ? ['is', 'it'] : ['are', 'them']
  const runs = isInstall
    ? installing === 1
      ? 'installs right now: its installer'
      : 'install right now: those installers'
    : installing === 1
      ? 'removes software right now: that'
      : 'remove software right now: those removals'
  return {
    title: isInstall ? 'Cancel this deployment?' : 'Cancel this removal?',
    text:
      (stopping > 0
        ? `${countOf(stopping, 'target')} that ${stopping === 1 ? 'waits or downloads stops' : 'wait or download stop'} here. `
        : '') +
      (installing > 0
        ? `${countOf(installing, 'PC')} ${runs} ${is} left to end, and what came of ${it} is recorded.`
        : isInstall
          ? 'No installer is running.'
          : 'Nothing is being removed right now; what was removed already stays removed.'),
    action: isInstall ? 'Cancel deployment' : 'Cancel removal',
    keep: 'Keep running',
    danger: true,
  }
}

/** For the emergency stop: what stops, and what still finishes. */
export function stopQuestion(
  active: readonly Pick<Deployment, 'name' | 'action' | 'counts' | 'restarts'>[],
): Question {
  const sum = (of: (d: (typeof active)[number]) => number) =>
    active.reduce((all, d) => all + of(d), 0)
  const stopping = sum((d) => d.counts.pending + d.counts.downloading)
  const installing = sum((d) => (d.action === 'install' ? d.counts.installing : 0))
  const removing = sum((d) => (d.action === 'uninstall' ? d.counts.installing : 0))
  const running = [
    ...(installing > 0 ? [countOf(installing, 'installer')] : []),
    ...(removing > 0 ? [countOf(removing, 'removal')] : []),
  ].join(' and ')
  const restarting = sum((d) => d.restarts.owed + d.restarts.announced)
  const names = active
    .slice(0, NAMED)
    .map((d) => (d.action === 'install' ? d.name : `${d.name} (removal)`))
  const more = active.length - names.length
  const which = `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
  return {
    title: active.length === 1 ? 'Stop the deployment?' : `Stop all ${active.length} deployments?`,
    text: [
      `${which}.`,
      stopping > 0
        ? `${countOf(stopping, 'target')} that ${stopping === 1 ? 'waits or downloads stops' : 'wait or download stop'} here.`
        : '',
      installing + removing > 0
        ? `${running} that already ${installing + removing === 1 ? 'runs is' : 'run are'} left to end, because cutting one off can damage a PC.`
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
