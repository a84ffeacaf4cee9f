/** One clock for all running times: ticks once per second while any component uses it. */
import { onScopeDispose, readonly, ref } from 'vue'
import type { Ref } from 'vue'
import { controllerNow } from './lib/controller-clock.ts'

const now = ref(controllerNow())
let users = 0
let timer: ReturnType<typeof setInterval> | undefined

/** The current time by the controller's clock, in ms, updated every second. */
export function useNow(): Readonly<Ref<number>> {
  if (users++ === 0) {
    now.value = controllerNow()
    timer = setInterval(() => (now.value = controllerNow()), 1_000)
  }
  onScopeDispose(() => {
    if (--users === 0) clearInterval(timer)
  })
  return readonly(now)
}
