/** The emergency stop: asks for confirmation, stops everything, reports how many deployments were stopped. */
import { useToast } from '@nuxt/ui/composables/useToast'
import { failureText } from '../../ui/lib/error-text.ts'
import { stopQuestion } from './stop-words.ts'
import { useAction } from '../../state/action.ts'
import { useConfirmStore } from '../../state/confirm-store.ts'
import { useDeploymentsStore } from './deployments-store.ts'
import { t } from './texts.ts'

export function useStopAll() {
  const deployments = useDeploymentsStore()
  const confirm = useConfirmStore()
  const toast = useToast()
  const stop = useAction(() => deployments.stopAll())

  async function ask(): Promise<void> {
    if (!(await confirm.ask(stopQuestion(deployments.stoppable)))) return
    const stopped = await stop.run()
    const { failure } = stop
    if (stopped !== null)
      toast.add({
        title: stopped === 0 ? t('stop.nothingRunning') : t('stop.stopping', { n: stopped }),
        description: t('stop.stoppingText'),
        icon: 'i-lucide-octagon-x',
        color: 'neutral',
      })
    else if (failure.value)
      toast.add({
        title: failureText(failure.value).title,
        description: t('stop.failedText'),
        icon: 'i-lucide-circle-alert',
        color: 'error',
      })
  }
  return { ask, busy: stop.busy }
}
