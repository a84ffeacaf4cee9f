/** The list of PCs in a group's sheet and in the wizard: what it shows, and what it reports as chosen. */
import { beforeEach, expect, it, vi } from 'vitest'
import { h, nextTick, ref } from 'vue'
import type { Device } from '#shared/contract/rest/devices.ts'
import { aDevice } from '../../test-kit.ts'
import { allByRole, byRole, click, show, shownText } from '../../test-kit/mounted.ts'
import { afterToggle } from '../../ui/data-list.ts'
import DevicePicker from './DevicePicker.vue'

// The page has no layout here: every element is as high as ten rows and wide enough for all columns.
beforeEach(() => {
  vi.spyOn(HTMLElement.prototype, 'offsetHeight', 'get').mockReturnValue(360)
  vi.spyOn(HTMLElement.prototype, 'offsetWidth', 'get').mockReturnValue(1_000)
  vi.spyOn(HTMLElement.prototype, 'clientHeight', 'get').mockReturnValue(360)
})

const DEVICES = [
  aDevice({ id: 1, name: 'Reception', platform: 'windows', os_version: 'Windows 11' }),
  aDevice({ id: 2, name: 'Lab', platform: 'linux', os_version: '', online: false }),
  aDevice({ id: 3, name: 'Studio', platform: 'macos', os_version: 'macOS 15' }),
]

async function showPicker(
  more: {
    compact?: boolean
    noteOf?: (d: Device) => string
    none?: string
    chosen?: number[]
  } = {},
) {
  const query = ref('')
  const chosen = ref<ReadonlySet<number>>(new Set(more.chosen))
  await show(() =>
    h(
      DevicePicker,
      {
        class: 'flex-1',
        devices: DEVICES,
        query: query.value,
        chosen: chosen.value,
        label: 'Members',
        rowTestid: 'pc',
        compact: more.compact,
        noteOf: more.noteOf,
        onToggle: (ids: number[], on: boolean) =>
          (chosen.value = afterToggle(chosen.value, ids, on)),
      },
      more.none === undefined ? {} : { none: () => more.none },
    ),
  )
  return {
    chosen: () => [...chosen.value],
    search: (text: string) => {
      query.value = text
      return nextTick()
    },
  }
}
const headers = () => allByRole('columnheader').map(shownText).filter(Boolean)
const shownRows = () => allByRole('row').slice(1)
const cellsOf = (name: string) =>
  [...byRole('row', name).querySelectorAll('[role=gridcell]')].map(shownText).filter(Boolean)

// The platform's icon has a name of its own.
it('shows name, state, system and a note for each PC', async () => {
  await showPicker({ noteOf: ({ id }) => (id === 2 ? 'in a chosen group' : '') })
  expect(headers()).toEqual(['Name', 'State', 'System', 'Note'])
  expect(cellsOf('Reception')).toEqual(['Reception', 'Online', 'WindowsWindows 11'])
  expect(cellsOf('Lab')).toEqual(['Lab', 'Offline', 'LinuxLinux', 'in a chosen group'])
})

it('shows only name and state when compact', async () => {
  await showPicker({ compact: true })
  expect(headers()).toEqual(['PC', 'State'])
  expect(cellsOf('Studio')).toEqual(['Studio', 'Online'])
})

it('marks the chosen PCs, and reports each change', async () => {
  const picker = await showPicker({ chosen: [3] })
  expect(byRole('row', 'Studio').getAttribute('aria-selected')).toBe('true')
  await click(byRole('row', 'Lab'))
  expect(picker.chosen()).toEqual([3, 2])
  await click(byRole('checkbox', 'Choose Studio'))
  expect(picker.chosen()).toEqual([2])
})

it('selects all PCs that match the search, and keeps the choice of the others', async () => {
  const picker = await showPicker({ chosen: [3] })
  await picker.search('windows')
  expect(shownRows().map((row) => row.getAttribute('aria-label'))).toEqual(['Reception'])
  await click(byRole('checkbox', 'Choose all'))
  expect(picker.chosen()).toEqual([3, 1])
  await click(byRole('checkbox', 'Choose all'))
  expect(picker.chosen()).toEqual([3])
})

it('shows the given hint in place of the list when no PC matches', async () => {
  const picker = await showPicker({ none: 'No PCs match' })
  expect(shownText()).not.toContain('No PCs match')
  await picker.search('nowhere')
  expect(shownText()).toBe('No PCs match')
})

it('keeps an empty list when there is no hint', async () => {
  const picker = await showPicker({ compact: true })
  await picker.search('nowhere')
  expect(byRole('grid', 'Members').getAttribute('aria-rowcount')).toBe('1')
})
