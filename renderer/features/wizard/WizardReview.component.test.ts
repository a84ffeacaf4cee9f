/** The review of a deployment: what it says about PCs that are ready. */
import { expect, it, vi } from 'vitest'
import { h } from 'vue'
import { Preflight } from '#shared/contract/rest/deployments.ts'
import { API } from '../../api/index.ts'
import { show, shownText } from '../../test-kit/mounted.ts'
import { UApp } from '../../ui/ui.ts'
import { useWizardStore } from './wizard-store.ts'
import WizardReview from './WizardReview.vue'

const target = (id: number, code: string, params: object = {}) => ({
  ...{ device_id: id, device_name: `PC-${id}`, software_id: 1, software_name: 'VLC' },
  ...{ outcome: 'ready', reason: null, message: 'x', code, params, size_bytes: 1, live: true },
  ...{ restart: 'never', restart_note: null },
})
async function review(targets: object[]): Promise<void> {
  const preflight = Preflight.parse({
    targets,
    waves: [{ wave: 1, device_count: targets.length, device_names: [] }],
    ...{ device_count: targets.length, software_count: 1, total_bytes: 1 },
  })
  const call = (route: string) =>
    route === 'deployments.preflight' ? Promise.resolve(preflight) : new Promise(() => undefined)
  await show(
    () =>
      h(UApp, () =>
        h(WizardReview, {
          onVnodeBeforeMount() {
            void useWizardStore().check()
          },
        }),
      ),
    { [API]: { call } },
  )
  await vi.waitFor(() => expect(shownText()).toContain('PC'))
}
const FOR_ONE_USER = target(2, 'ready_for_one_user', { software: 'VLC' })

it('shows at once that a package would serve one user only, and for which PCs', async () => {
  await review([target(1, 'ready'), FOR_ONE_USER])
  await vi.waitFor(() => expect(shownText()).toContain('VLC installs for one user'))
  expect(shownText()).toContain('PC-2')
  expect(shownText()).not.toContain('Online and free.')
})

it('keeps PCs that are simply ready folded', async () => {
  await review([target(1, 'ready'), target(2, 'ready')])
  await vi.waitFor(() => expect(shownText()).toContain('Ready'))
  expect(shownText()).not.toContain('PC-1')
})
