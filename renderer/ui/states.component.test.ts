/** States, progress and filters: never by colour alone. */
import { describe, expect, it } from 'vitest'
import { h, nextTick, ref } from 'vue'
import { allByRole, byRole, click, press, show, shownText } from '../test-kit/mounted.ts'
import FilterTabs from './FilterTabs.vue'
import { DEPLOYMENT_LOOK, TARGET_LOOK } from './lib/states.ts'
import type { Look } from './lib/states.ts'
import ProgressLine from './ProgressLine.vue'
import SegmentBar from './SegmentBar.vue'
import StateMark from './StateMark.vue'

/** What the icon draws, without its colour. */
const drawn = () => document.querySelector('svg')!.innerHTML.replaceAll(/<!--.*?-->/g, '')

describe.each([
  ['a target', TARGET_LOOK],
  ['a deployment', DEPLOYMENT_LOOK],
])('the states of %s', (_what, looks) => {
  it.each(Object.entries<Look>(looks))('have a name: %s', async (_state, look) => {
    await show(() => h(StateMark, { look }))
    expect(look.label).not.toBe('')
    expect(shownText()).toBe(look.label)
    // The name says it all: screen readers skip the icon.
    expect(document.querySelector('svg')!.getAttribute('aria-hidden')).toBe('true')
  })

  it('have icons that differ without colour', async () => {
    const look = ref<Look>(Object.values<Look>(looks)[0]!)
    await show(() => h(StateMark, { look: look.value }))
    const seen = new Map<string, string>()
    for (const each of Object.values<Look>(looks)) {
      look.value = each
      await nextTick()
      seen.set(drawn(), each.label)
      // A bare circle is no state.
      expect(drawn()).toMatch(/stroke-dasharray|<path|<circle.*<circle/)
    }
    expect([...seen.values()]).toEqual(Object.values<Look>(looks).map(({ label }) => label))
  })
})

describe('progress', () => {
  it('is announced in percent, or as unknown', async () => {
    const fraction = ref<number | null>(0.251)
    await show(() => h(ProgressLine, { fraction: fraction.value, label: 'Upload' }))
    const bar = byRole('progressbar', 'Upload')
    expect(bar.getAttribute('aria-valuenow')).toBe('25')
    fraction.value = null
    await nextTick()
    expect(bar.getAttribute('aria-valuenow')).toBeNull()
  })

  it('of a deployment is one picture with its counts as its name', async () => {
    const none = { downloading: 0, installing: 0, completed: 0, failed: 0, skipped: 0 }
    const counts = ref({ ...none, total: 4, pending: 1, completed: 2, failed: 1 })
    await show(() => h(SegmentBar, { counts: counts.value }))
    byRole('img', '2 completed, 1 waiting, 1 failed')
    counts.value = { ...none, total: 0, pending: 0 }
    await nextTick()
    byRole('img', 'no PCs')
  })
})

describe('filters of a list', () => {
  async function showTabs() {
    const current = ref('all')
    await show(() =>
      h(FilterTabs<string>, {
        modelValue: current.value,
        'onUpdate:modelValue': (next: string) => (current.value = next),
        label: 'State',
        tabs: [
          { key: 'all', label: 'All', count: 12 },
          { key: 'online', label: 'Online' },
          { key: 'offline', label: 'Offline', count: 0 },
        ],
      }),
    )
    return current
  }
  const chosen = () =>
    allByRole('tab')
      .filter((tab) => tab.getAttribute('aria-selected') === 'true')
      .map((tab) => shownText(tab))

  it('are tabs with their counts, one of them chosen and in the tab order', async () => {
    const current = await showTabs()
    byRole('tablist', 'State')
    expect(chosen()).toEqual(['All 12'])
    await click(byRole('tab', 'Online'))
    expect(current.value).toBe('online')
    expect(chosen()).toEqual(['Online'])
    expect(allByRole('tab').map((tab) => tab.tabIndex)).toEqual([-1, 0, -1])
  })

  it('are chosen with the arrow keys, round and round', async () => {
    const current = await showTabs()
    byRole('tab', 'All 12').focus()
    await press('ArrowLeft')
    expect(current.value).toBe('offline')
    await press('ArrowRight')
    expect(current.value).toBe('all')
    expect(shownText(document.activeElement!)).toBe('All 12')
  })
})
