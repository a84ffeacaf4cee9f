/** The question before an action that cannot be undone. */
import { beforeEach, expect, it, vi } from 'vitest'
import { h } from 'vue'
import { useConfirmStore } from '../state/confirm-store.ts'
import { allByRole, byRole, click, descriptionOf, press, show } from '../test-kit/mounted.ts'
import ConfirmDialog from './ConfirmDialog.vue'

let answer: Promise<boolean>
beforeEach(async () => {
  await show(() => h(ConfirmDialog))
  answer = useConfirmStore().ask({
    title: 'Remove PC-1?',
    text: 'Its history stays.',
    action: 'Remove',
    danger: true,
  })
  await vi.waitFor(() => byRole('dialog', 'Remove PC-1?'))
})
const isClosed = () => vi.waitFor(() => expect(allByRole('dialog')).toEqual([]))

it('says what will happen, and names the action on its button', () => {
  expect(descriptionOf(byRole('dialog'))).toBe('Its history stays.')
  expect(allByRole('button').map((button) => button.textContent?.trim())).toEqual([
    'Cancel',
    'Remove',
  ])
})

it('answers yes by its button', async () => {
  await click(byRole('button', 'Remove'))
  expect(await answer).toBe(true)
  await isClosed()
})

it('answers no by its other button', async () => {
  await click(byRole('button', 'Cancel'))
  expect(await answer).toBe(false)
  await isClosed()
})

it('answers no to Escape', async () => {
  await press('Escape')
  expect(await answer).toBe(false)
  await isClosed()
})

it('answers no when another question takes its place', async () => {
  void useConfirmStore().ask({ title: 'Restart?', text: '', action: 'Restart' })
  expect(await answer).toBe(false)
  await vi.waitFor(() => byRole('dialog', 'Restart?'))
})
