/** Cancels the restart of one PC after a confirmation. The result is shown at its target. */
import type { Target } from '#shared/contract/rest/deployments.ts'
import { controllerNow } from '../../ui/lib/controller-clock.ts'
import { cancelRestartQuestion } from './restart-words.ts'
import { useAction } from '../../state/action.ts'
import { useConfirmStore } from '../../state/confirm-store.ts'
import { useDevicesStore } from '../devices/index.ts'
import { useLiveStore } from './live-store.ts'

export function useCancelRestart() {
  const [confirm, devices, live] = [useConfirmStore(), useDevicesStore(), useLiveStore()]
  const act = useAction((target: Target) => live.cancelRestarts([target.device_id]))

  async function ask(target: Target): Promise<void> {
    const online = devices.byId.get(target.device_id)?.online ?? false
    if (await confirm.ask(cancelRestartQuestion(target, online, controllerNow())))
      await act.run(target)
  }
  return { ask, busy: act.busy, failure: act.failure, clear: act.clear }
}
