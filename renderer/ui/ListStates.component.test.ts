/** What stands in place of a list: loading, a failure, an empty library, a filter that matches nothing. */
import { expect, it, vi } from 'vitest'
import { h, nextTick, ref } from 'vue'
import { allByRole, byRole, click, show, shownText } from '../test-kit/mounted.ts'
import EmptyState from './EmptyState.vue'
import FailureNote from './FailureNote.vue'
import type { Failure } from './lib/error-text.ts'
import { failureText } from './lib/error-text.ts'
import type { LoadState } from './lib/load-state.ts'
import ListStates from './ListStates.vue'

const FAILURE: Failure = { code: 'E_DATABASE', message: 'locked', details: [] }

async function showStates(state: LoadState, total = 0, shown = 0) {
  const list = ref({ state, failure: state === 'failed' ? FAILURE : null, load: vi.fn() })
  const counts = ref({ total, shown })
  const showAll = vi.fn()
  await show(() =>
    h(
      ListStates,
      {
        list: list.value,
        ...counts.value,
        noMatch: 'No PC matches',
        showAll: 'Show all PCs',
        onShowAll: showAll,
      },
      {
        default: () => h('p', 'the list'),
        empty: () => h(EmptyState, { drawing: 'pcs', title: 'No PCs yet' }),
      },
    ),
  )
  return { list, counts, showAll }
}

it('announces that a list is loading, and then shows it', async () => {
  const { list, counts } = await showStates('loading')
  await vi.waitFor(() => byRole('status', 'Loading'))
  counts.value = { total: 2, shown: 2 }
  list.value = { ...list.value, state: 'ready' }
  await nextTick()
  expect(allByRole('status')).toEqual([])
  expect(shownText()).toBe('the list')
})

it('shows nothing for a list that loads immediately', async () => {
  const { list, counts } = await showStates('idle')
  expect(shownText()).toBe('')
  expect(allByRole('status')).toEqual([])
  counts.value = { total: 1, shown: 1 }
  list.value = { ...list.value, state: 'ready' }
  await nextTick()
  expect(shownText()).toBe('the list')
})

it('shows why a list could not be loaded, and loads it again', async () => {
  const { list } = await showStates('failed')
  const { title, next } = failureText(FAILURE)
  expect(shownText(byRole('alert'))).toContain(title)
  expect(shownText(byRole('alert'))).toContain(next)
  await click(byRole('button', 'Try again'))
  expect(list.value.load).toHaveBeenCalledOnce()
})

it('explains an empty list', async () => {
  await showStates('ready')
  expect(shownText(byRole('heading'))).toBe('No PCs yet')
})

it('offers all entries when none matches the filter', async () => {
  const { showAll } = await showStates('ready', 5, 0)
  expect(shownText(byRole('heading'))).toBe('No PC matches')
  await click(byRole('button', 'Show all PCs'))
  expect(showAll).toHaveBeenCalledOnce()
})

it('shows an empty state with its sentence and its action', async () => {
  await show(() =>
    h(
      EmptyState,
      { drawing: 'package', title: 'No software', text: 'Add an installer.' },
      { default: () => h('button', 'Add') },
    ),
  )
  expect(shownText(byRole('heading', 'No software'))).toBe('No software')
  expect(shownText()).toContain('Add an installer.')
  byRole('button', 'Add')
})

it('announces a failure, says more than its code, and offers one step', async () => {
  const act = vi.fn()
  const busy = ref(false)
  await show(() =>
    h(FailureNote, {
      failure: { code: 'E_VALIDATION', message: 'name: too long', details: [] },
      action: 'Change it',
      busy: busy.value,
      onAct: act,
    }),
  )
  expect(shownText(byRole('alert'))).toContain('Name: too long')
  expect(shownText(byRole('alert'))).not.toContain('E_VALIDATION')
  await click(byRole('button', 'Change it'))
  expect(act).toHaveBeenCalledOnce()
  busy.value = true
  await nextTick()
  expect((byRole('button', 'Change it') as HTMLButtonElement).disabled).toBe(true)
})

it('shows a failure without a step where there is none', async () => {
  await show(() => h(FailureNote, { failure: FAILURE }))
  byRole('alert')
  expect(allByRole('button')).toEqual([])
})
