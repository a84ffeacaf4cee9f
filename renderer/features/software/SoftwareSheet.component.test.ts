/** Renaming software while someone else changes it, too. */
import { expect, it, vi } from 'vitest'
import { h } from 'vue'
import type { Software } from '#shared/contract/rest/software.ts'
import { API } from '../../api/index.ts'
import { ApiError } from '../../api/failure.ts'
import { aSoftware } from '../../test-kit.ts'
import { byRole, click, press, show, shownText, type } from '../../test-kit/mounted.ts'
import { UApp } from '../../ui/ui.ts'
import { useSoftwareStore } from './software-store.ts'
import SoftwareSheet from './SoftwareSheet.vue'

/** Opens a sheet and types a name; someone else then makes `change`, which the console has seen. */
async function renameAfter(change: Partial<Software>) {
  let stored = aSoftware({ name: 'VLC', revision: 3 })
  const sent: unknown[] = []
  const call = (route: string, input?: { body: { name: string; revision: number } }) => {
    if (route !== 'software.update') return new Promise(() => undefined)
    const { name, revision } = input!.body
    sent.push(input!.body)
    if (revision !== stored.revision)
      return Promise.reject(new ApiError('E_CONFLICT', 'outdated', [], stored))
    stored = { ...stored, name, revision: revision + 1 }
    return Promise.resolve(stored)
  }
  await show(
    () =>
      h(UApp, () =>
        h(SoftwareSheet, {
          softwareId: 1,
          onVnodeBeforeMount: () => void useSoftwareStore().put(stored),
        }),
      ),
    { [API]: { call } },
  )
  await click(await vi.waitFor(() => byRole('button', 'Rename software')))
  const field = await vi.waitFor(() => byRole('textbox', 'Rename software'))
  await type(field, 'VLC player')
  stored = { ...stored, ...change, revision: 4 }
  useSoftwareStore().put(stored)
  field.focus()
  await press('Enter')
  return { sent, current: () => stored }
}

it('keeps the typed name if someone else has renamed it', async () => {
  const { sent, current } = await renameAfter({ name: 'VideoLAN' })
  const alert = await vi.waitFor(() => byRole('alert'))
  expect(shownText(alert)).toContain('Someone else changed this.')
  const field = (await vi.waitFor(() => byRole('textbox', 'Rename software'))) as HTMLInputElement
  expect(field.value).toBe('VLC player')
  expect(current().name).toBe('VideoLAN')
  expect(sent).toEqual([{ name: 'VLC player', revision: 3 }])
})

it('is renamed if someone else has changed another field', async () => {
  const { sent } = await renameAfter({ publisher: 'VideoLAN' })
  await vi.waitFor(() => byRole('heading', 'VLC player'))
  expect(sent).toEqual([{ name: 'VLC player', revision: 4 }])
})
