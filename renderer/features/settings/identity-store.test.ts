import { createPinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createApp } from 'vue'
import { API } from '../../api/index.ts'
import type { Api } from '../../api/index.ts'
import { ApiError } from '../../api/failure.ts'
import { aSoftware } from '../../test-kit.ts'
import { useIdentityStore } from './identity-store.ts'
import { RESTART_LIMIT_MS, useRestoreStore } from '../account/restore-store.ts'
import { useSessionStore } from '../account/session-store.ts'
import { useSoftwareStore } from '../software/software-store.ts'
import { useUploadsStore } from '../uploads/uploads-store.ts'

/** Runs the stores in an app with the parts of the API that a test provides. */
function withApi<T>(api: object, use: () => T): T {
  const app = createApp({ render: () => null })
  const session = { onLost: () => undefined, renew: async () => null }
  app.provide(API, { session, shell: { setupCode: null }, ...api } as unknown as Api)
  app.use(createPinia())
  return app.runWithContext(use)
}
const view = (change: object = {}) => ({
  fingerprint: `sha256/${'a'.repeat(43)}=`,
  key_id: 'k1',
  generation: 0,
  epoch: 0,
  changed_at: null,
  recovery_saved: false,
  recovery_saved_at: null,
  devices_followed: 1,
  devices_total: 2,
  ...change,
})

describe("the controller's keys", () => {
  it('show the new ones after a rotation and reload hub and codes', async () => {
    const calls: string[] = []
    const call = async (name: string) => {
      calls.push(name)
      return name === 'controller.rotate' ? view({ epoch: 1 }) : {}
    }
    const store = withApi({ call }, () => useIdentityStore())
    await store.rotate({ tls: true, command: true })
    expect(store.view?.epoch).toBe(1)
    expect(calls).toEqual(['controller.rotate', 'hub.get', 'enrollments.list'])
  })
  it('return the recovery file and record that one was saved', async () => {
    const file = { blob: new Blob(['x']), fileName: 'deployx.recovery' }
    const api = {
      download: async (name: string, input: object) =>
        name === 'controller.save_recovery' &&
        JSON.stringify(input) === '{"body":{"passphrase":"a long way from home"}}'
          ? file
          : null,
      call: async () => view({ recovery_saved: true }),
    }
    const store = withApi(api, () => useIdentityStore())
    expect(await store.saveRecoveryFile('a long way from home')).toBe(file)
    expect(store.view?.recovery_saved).toBe(true)
  })
})

describe('a restore', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())
  const file = new File(['sealed'], 'deployx.recovery')
  const open = (
    upload: () => Promise<{ restarting: boolean }>,
    state: () => { setup_needed: boolean },
  ) => {
    const sent: unknown[] = []
    const api = {
      upload: (name: string, _input: object, request: { fields: object }) => {
        sent.push([name, request.fields])
        return upload()
      },
      call: async () => state(),
    }
    return withApi(api, () => ({ restore: useRestoreStore(), session: useSessionStore(), sent }))
  }

  it('waits for the restart, then goes to the sign-in page', async () => {
    const answers = [
      () => ({ setup_needed: true }),
      () => {
        throw new ApiError('E_UNREACHABLE', '')
      },
      () => ({ setup_needed: false }),
      () => ({ setup_needed: false }),
    ]
    const { restore, session, sent } = open(
      async () => ({ restarting: true }),
      () => answers.shift()!(),
    )
    const done = restore.start(file, 'a long way from home', true)
    await vi.advanceTimersByTimeAsync(500)
    expect(restore.stage).toBe('restarting')
    await vi.advanceTimersByTimeAsync(5_000)
    await done
    expect([restore.stage, session.phase, answers.length]).toEqual(['form', 'signed_out', 0])
    expect(sent).toEqual([
      ['controller.restore', { passphrase: 'a long way from home', revoke: 'true' }],
    ])
  })
  it('reports when DeployX does not come back', async () => {
    const { restore } = open(
      async () => ({ restarting: true }),
      () => ({ setup_needed: true }),
    )
    const done = restore.start(file, 'x', false)
    await vi.advanceTimersByTimeAsync(RESTART_LIMIT_MS + 2_000)
    await done
    expect(restore.stage).toBe('not_back')
  })
  it('waits for a manual restart when DeployX does not restart by itself', async () => {
    const { restore } = open(
      async () => ({ restarting: false }),
      () => ({ setup_needed: true }),
    )
    await restore.start(file, 'x', false)
    expect(restore.stage).toBe('by_hand')
  })
  it('stays on the form with the reason when refused; goes to the sign-in page when set up meanwhile', async () => {
    const codes = ['E_PASSPHRASE', 'E_SETUP_DONE'] as const
    let i = 0
    const { restore, session } = open(
      async () => {
        throw new ApiError(codes[i++]!, '')
      },
      () => ({ setup_needed: false }),
    )
    await restore.start(file, 'x', false)
    expect([restore.stage, restore.failure?.code]).toEqual(['form', 'E_PASSPHRASE'])
    expect(session.phase).not.toBe('signed_out')
    await restore.start(file, 'x', false)
    expect(session.phase).toBe('signed_out')
  })
})

describe('a file missing from the library', () => {
  const setup = new File(['0123456789'], 'setup.exe')
  const missing = aSoftware({}, { file_missing: true, file_name: 'setup.exe', size_bytes: 10 })
  const open = (refusal?: ApiError) => {
    const names: string[] = []
    const api = {
      upload: async (name: string) => {
        names.push(name)
        if (refusal && name === 'software.upload_file') throw refusal
        return name === 'software.create' ? aSoftware({ id: 2 }) : aSoftware()
      },
      call: async () => ({ software: [] }),
    }
    const stores = withApi(api, () => ({
      library: useSoftwareStore(),
      uploads: useUploadsStore(),
      names,
    }))
    stores.library.put(missing)
    return stores
  }
  const settled = (uploads: { busy: boolean }) => vi.waitUntil(() => !uploads.busy)

  it('is replaced by dropping the file, without adding an entry', async () => {
    const { library, uploads, names } = open()
    expect(library.withMissingFile).toHaveLength(1)
    uploads.add([setup])
    await settled(uploads)
    expect(names).toEqual(['software.upload_file'])
    expect(uploads.items[0]).toMatchObject({ state: 'done', isBack: true })
    expect(library.withMissingFile).toEqual([])
  })
  it('becomes a new entry when only name and size match', async () => {
    const { library, uploads, names } = open(new ApiError('E_CONFLICT', ''))
    uploads.add([setup, new File(['x'], 'setup.exe')])
    await settled(uploads)
    expect(names).toEqual(['software.upload_file', 'software.create', 'software.create'])
    expect(uploads.items[0]).toMatchObject({ state: 'done', isBack: false })
    expect(library.withMissingFile).toHaveLength(1)
  })
})
