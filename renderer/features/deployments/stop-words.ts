/** Confirmation texts for cancelling and the emergency stop. Pure. */
import type { Deployment } from '#shared/contract/rest/deployments.ts'
import { t } from './texts.ts'

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
  const running = () => {
    if (installing > 0)
      return t(isInstall ? 'stop.installersEnd' : 'stop.removalsEnd', { n: installing })
    return t(isInstall ? 'stop.noInstaller' : 'stop.noRemoval')
  }
  return {
    title: t(isInstall ? 'stop.cancelDeploymentTitle' : 'stop.cancelRemovalTitle'),
    text: [stopping > 0 ? t('stop.targetsStop', { n: stopping }) : '', running()]
      .filter(Boolean)
      .join(' '),
    action: t(isInstall ? 'stop.cancelDeployment' : 'stop.cancelRemoval'),
    keep: t('stop.keepRunning'),
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
  const restarting = sum((d) => d.restarts.owed + d.restarts.announced)
  const shown = active.slice(0, NAMED)
  const names = shown
    .map(({ action, name }) => (action === 'install' ? name : t('stop.removalOf', { name })))
    .join(', ')
  const more = active.length - shown.length
  return {
    title: t('stop.title', { n: active.length }),
    text: [
      t('stop.which', { names: more > 0 ? t('rollout.andMore', { names, more }) : names }),
      stopping > 0 ? t('stop.targetsStop', { n: stopping }) : '',
      installing > 0 ? t('stop.runningInstallers', { n: installing }) : '',
      removing > 0 ? t('stop.runningRemovals', { n: removing }) : '',
      installing + removing === 0 ? t('stop.noInstaller') : '',
      restarting > 0 ? t('stop.restartsCancelled', { n: restarting }) : '',
    ]
      .filter(Boolean)
      .join(' '),
    action: t('stop.action', { n: active.length }),
    keep: t('stop.keepRunning'),
    danger: true,
  }
}
