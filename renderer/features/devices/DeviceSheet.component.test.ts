/** Renaming a PC while someone else renames it, too. */
import { expect, it, vi } from 'vitest'
import { h } from 'vue'
import type { Device } from '#shared/contract/rest/devices.ts'
import { API } from '../../api/index.ts'
import { ApiError } from '../../api/failure.ts'
import { aDevice } from '../../test-kit.ts'
import { byRole, click, press, show, shownText, type } from '../../test-kit/mounted.ts'
import { UApp } from '../../ui/ui.ts'
import { useDevicesStore } from './devices-store.ts'
import DeviceSheet from './DeviceSheet.vue'

/** A sheet over a controller that checks versions as the real one does. */
async function showSheet() {
  let stored = aDevice({ id: 1, name: 'PC-1', version: 3, approved: false })
  const sent: unknown[] = []
  const call = (route: string, input?: { body: { name: string; version: number } }) => {
    if (route !== 'devices.update') return new Promise(() => undefined)
    const { name, version } = input!.body
    sent.push(input!.body)
    if (version !== stored.version)
      return Promise.reject(
        new ApiError('E_CONFLICT', 'outdated', [], stored, {
          reason: 'device_renamed',
          params: { name: stored.name },
        }),
      )
    stored = { ...stored, name, version: version + 1 }
    return Promise.resolve(stored)
  }
  await show(
    () =>
      h(UApp, () =>
        h(DeviceSheet, {
          deviceId: 1,
          onVnodeBeforeMount: () =>
            useDevicesStore().apply({ devices: [stored], removed_device_ids: [] }),
        }),
      ),
    { [API]: { call } },
  )
  return {
    sent,
    /** Someone else renames the PC. */
    rename(name: string, isReported: boolean) {
      stored = { ...stored, name, version: stored.version + 1 }
      if (isReported) useDevicesStore().apply({ devices: [stored], removed_device_ids: [] })
    },
    current: (): Device => stored,
  }
}
const field = () => vi.waitFor(() => byRole('textbox', 'Rename PC') as HTMLInputElement)
async function begin() {
  await click(await vi.waitFor(() => byRole('button', 'Rename PC')))
  return field()
}

for (const [when, isReported] of [
  ['that the console has seen', true],
  ['that the console has not seen yet', false],
] as const)
  it(`keeps the typed name, and says what happened, after a rename by someone else ${when}`, async () => {
    const sheet = await showSheet()
    const input = await begin()
    await type(input, 'Front desk')
    sheet.rename('Kasse 1', isReported)
    input.focus()
    await press('Enter')
    const alert = await vi.waitFor(() => byRole('alert'))
    expect(shownText(alert)).toContain(
      'The name of this PC was changed to Kasse 1 in the meantime.',
    )
    expect(sheet.current().name).toBe('Kasse 1')
    const again = await field()
    expect(again.value).toBe('Front desk')
    again.focus()
    await press('Enter')
    await vi.waitFor(() => byRole('heading', 'Front desk'))
    expect(sheet.sent).toEqual([
      { name: 'Front desk', version: 3 },
      { name: 'Front desk', version: 4 },
    ])
  })
