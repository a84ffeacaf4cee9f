/** Renaming a user while someone else changes the account, too. */
import { expect, it, vi } from 'vitest'
import { h } from 'vue'
import { User } from '#shared/contract/rest/users.ts'
import { API } from '../../api/index.ts'
import { ApiError } from '../../api/failure.ts'
import { byRole, click, press, show, shownText, type } from '../../test-kit/mounted.ts'
import { UApp } from '../../ui/ui.ts'
import { useUsersStore } from './users-store.ts'
import UserSheet from './UserSheet.vue'

/** Opens a sheet and types a name; someone else then makes `change`, which the console has seen. */
async function renameAfter(change: Partial<User>) {
  let stored = User.parse({
    ...{ id: 2, username: 'ben', role: 'technician', created_at: '2026-11-23T10:00:00.000Z' },
    ...{ disabled: false, must_change_password: false, last_login_at: null, session_count: 0 },
    version: 3,
  })
  const sent: unknown[] = []
  const call = (route: string, input?: { body: { username: string; version: number } }) => {
    if (route === 'users.list') return Promise.resolve({ users: [stored] })
    if (route !== 'users.update') return new Promise(() => undefined)
    const { username, version } = input!.body
    sent.push(input!.body)
    if (version !== stored.version)
      return Promise.reject(new ApiError('E_CONFLICT', 'outdated', [], stored))
    stored = { ...stored, username, version: version + 1 }
    return Promise.resolve(stored)
  }
  await show(
    () =>
      h(UApp, () =>
        h(UserSheet, { userId: 2, onVnodeBeforeMount: () => void useUsersStore().load() }),
      ),
    { [API]: { call, session: { onLost: () => undefined }, shell: {} } },
  )
  await click(await vi.waitFor(() => byRole('button', 'Rename user')))
  const field = await vi.waitFor(() => byRole('textbox', 'Rename user'))
  await type(field, 'benjamin')
  stored = { ...stored, ...change, version: 4 }
  useUsersStore().apply({ user: stored })
  field.focus()
  await press('Enter')
  return { sent, current: () => stored }
}

it('keeps the typed name if someone else has renamed the user', async () => {
  const { sent, current } = await renameAfter({ username: 'ben.miller' })
  const alert = await vi.waitFor(() => byRole('alert'))
  expect(shownText(alert)).toContain('Someone else changed this.')
  const field = (await vi.waitFor(() => byRole('textbox', 'Rename user'))) as HTMLInputElement
  expect(field.value).toBe('benjamin')
  expect(current().username).toBe('ben.miller')
  expect(sent).toEqual([{ username: 'benjamin', version: 3 }])
})

it('is renamed if someone else has changed something else', async () => {
  const { sent } = await renameAfter({ role: 'admin' })
  await vi.waitFor(() => byRole('heading', 'benjamin'))
  expect(sent).toEqual([{ username: 'benjamin', version: 4 }])
})
