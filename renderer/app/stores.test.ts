import { createPinia } from 'pinia'
import { describe, expect, it, vi } from 'vitest'
import { createApp } from 'vue'
import type { z } from 'zod'
import { TargetOutputPiece, type DeviceUpdated } from '#shared/contract/feed.ts'
import type { Device } from '#shared/contract/rest/devices.ts'
import type { InstallerKnowledge } from '#shared/contract/rest/installer-knowledge.ts'
import { DeploymentId, TargetId } from '#shared/domain/ids.ts'
import { API } from '../api/index.ts'
import type { Api } from '../api/index.ts'
import type { Upload } from '../api/upload.ts'
import { ApiError } from '../api/failure.ts'
import { aDeployment, aDevice, aSoftware, aTarget } from '../test-kit.ts'
import { useDevicesStore } from '../features/devices/devices-store.ts'
import { useLiveStore } from '../features/deployments/live-store.ts'
import { createLoader } from '../state/loader.ts'
import { useOutputStore } from '../features/deployments/output-store.ts'
import { useSoftwareStore } from '../features/software/software-store.ts'
import { useUploadsStore } from '../features/uploads/uploads-store.ts'

/** Runs the stores in an app with an API that answers by route name. */
function withApi<T>(
  answers: Record<string, (input: never) => unknown>,
  use: () => T,
  more: Partial<Api> = {},
): T {
  const call = async (name: string, input: unknown) => {
    const answer = answers[name]
    if (!answer) throw new ApiError('E_NOT_FOUND', name)
    return answer(input as never)
  }
  const app = createApp({ render: () => null })
  app.provide(API, { call, ...more } as unknown as Api)
  app.use(createPinia())
  return app.runWithContext(use)
}
const [deployment, target] = [DeploymentId.parse(1), TargetId.parse(1)]
const piece = (seq: number, text: string, attempt = 1) =>
  TargetOutputPiece.parse({ deployment_id: 1, target_id: 1, attempt, seq, text })

describe('live output', () => {
  const reply = { target_id: 1, attempt: 1, text: 'one ', omitted_bytes: 0, last_seq: 3 }
  const open = async () => {
    const store = withApi({ 'deployments.output': () => reply }, () => useOutputStore())
    const text = () => store.pieces.map((p) => p.text).join('')
    return { store, text }
  }
  it('appends new pieces and ignores those already in the text', async () => {
    const { store, text } = await open()
    await store.open(deployment, target)
    for (const p of [piece(3, 'again'), piece(4, 'two '), piece(4, 'twice'), piece(5, 'three')])
      store.apply(p)
    expect(text()).toBe('one two three')
  })
  it('keeps pieces that arrive while the text is being fetched', async () => {
    const { store, text } = await open()
    const opening = store.open(deployment, target)
    store.apply(piece(4, 'two'))
    await opening
    expect(text()).toBe('one two')
  })
  it('shows an earlier attempt unchanged while the current one writes', async () => {
    const store = withApi(
      {
        'deployments.output': (input: { query?: { attempt: number } }) => ({
          ...reply,
          attempt: input.query?.attempt ?? 2,
          text: input.query ? 'first try' : 'second try',
        }),
      },
      () => useOutputStore(),
    )
    const text = () => store.pieces.map((p) => p.text).join('')
    await store.open(deployment, target, 1)
    store.apply(piece(9, 'live', 2))
    expect(text()).toBe('first try')
    await store.open(deployment, target)
    store.apply(piece(9, ', live', 2))
    expect(text()).toBe('second try, live')
  })
  it('fetches the last output requested when several are opened in a row', async () => {
    const store = withApi(
      {
        'deployments.output': (input: { params: { target_id: number } }) => ({
          ...reply,
          text: `of ${input.params.target_id}`,
        }),
      },
      () => useOutputStore(),
    )
    const first = store.open(deployment, target)
    await Promise.all([first, store.open(deployment, TargetId.parse(2))])
    expect(store.pieces.map((p) => p.text).join('')).toBe('of 2')
  })
  it('starts over with a new attempt and ignores late pieces of the old one', async () => {
    const { store, text } = await open()
    await store.open(deployment, target)
    store.apply(piece(1, 'second attempt', 2))
    store.apply(piece(9, 'late', 1))
    expect(text()).toBe('second attempt')
  })
  it('ignores pieces of other targets', async () => {
    const { store, text } = await open()
    await store.open(deployment, target)
    store.apply({ ...piece(4, 'x'), target_id: TargetId.parse(2) })
    expect(text()).toBe('one ')
  })
})

describe('a live deployment', () => {
  const progress = {
    deployment_id: 1,
    status: 'in_progress',
    total_targets: 1,
    completed: 0,
    failed: 0,
    skipped: 0,
    success_rate: null,
    targets: [aTarget()],
  }
  it('applies updates of its own targets only', async () => {
    const store = withApi(
      { 'deployments.get': () => aDeployment(), 'deployments.progress': () => progress },
      () => useLiveStore(),
    )
    await store.open(deployment)
    const counts = aDeployment().counts
    store.applyTargets({
      deployment_id: deployment,
      counts,
      targets: [aTarget({ deployment_status: 'installing' })],
    })
    store.applyTargets({
      deployment_id: DeploymentId.parse(2),
      counts,
      targets: [aTarget({ id: 5 })],
    })
    expect(store.list.map((t) => t.deployment_status)).toEqual(['installing'])
  })
})

describe('restarts of a deployment', () => {
  it('can be cancelled for one PC or for the whole deployment', async () => {
    const asked: unknown[] = []
    const restarts = { ...aDeployment().restarts, canceled: 1 }
    const store = withApi(
      {
        'deployments.get': () => aDeployment(),
        'deployments.progress': () => ({ targets: [aTarget()] }),
        'deployments.cancel_restarts': (input: unknown) => {
          asked.push(input)
          return aDeployment({ restarts })
        },
      },
      () => useLiveStore(),
    )
    await store.cancelRestarts([aTarget().device_id])
    expect(asked).toEqual([])
    await store.open(deployment)
    await store.cancelRestarts([aTarget().device_id])
    await store.cancelRestarts()
    expect(asked).toEqual([
      { params: { id: 1 }, body: { device_ids: [1] } },
      { params: { id: 1 }, body: {} },
    ])
    expect(store.deployment?.restarts.canceled).toBe(1)
  })
})

describe('the device list', () => {
  const devices = (changed: Device[], removed: Device[] = []): DeviceUpdated => ({
    devices: changed,
    removed_device_ids: removed.map(({ id }) => id),
  })
  it('follows the feed', async () => {
    const store = withApi({ 'devices.list': () => ({ devices: [aDevice()] }) }, () =>
      useDevicesStore(),
    )
    await store.load()
    store.apply(devices([aDevice({ id: 2, name: 'PC-2', online: false })]))
    expect([store.onlineCount, store.list.length]).toEqual([1, 2])
    store.apply(devices([], [aDevice()]))
    expect(store.list.map((d) => d.name)).toEqual(['PC-2'])
  })
  it('keeps what the feed reported while it was loading', async () => {
    const store: ReturnType<typeof useDevicesStore> = withApi(
      {
        'devices.list': () => {
          store.apply(devices([aDevice({ id: 1, name: 'Renamed' })]))
          store.apply(devices([], [aDevice({ id: 2 }), aDevice({ id: 3 })]))
          store.apply(devices([aDevice({ id: 3, name: 'Enrolled again' })]))
          return { devices: [1, 2, 3, 4].map((id) => aDevice({ id, name: `PC-${id}` })) }
        },
      },
      () => useDevicesStore(),
    )
    await store.load()
    expect(store.list.map((d) => d.name)).toEqual(['Enrolled again', 'PC-4', 'Renamed'])
  })
})

describe('a loader', () => {
  it('keeps showing old data when a refresh fails', async () => {
    let fail = false
    const loader = createLoader(async () => {
      if (fail) throw new ApiError('E_UNREACHABLE', '')
    })
    await loader.load()
    fail = true
    await loader.load()
    expect([loader.state.value, loader.failure.value?.code]).toEqual(['ready', 'E_UNREACHABLE'])
  })
  it('fetches once for concurrent callers', async () => {
    let asked = 0
    const loader = createLoader(async () => void asked++)
    await Promise.all([loader.load(), loader.load()])
    expect(asked).toBe(1)
  })
  it.each(['first', 'second'])(
    'fetches again when news arrives during its %s request',
    async (during) => {
      let current = 'old'
      let shown = ''
      const waiting: (() => void)[] = []
      const loader = createLoader(async () => {
        const answer = current
        await new Promise<void>((resolve) => waiting.push(resolve))
        shown = answer
      })
      const loaded = loader.load()
      if (during === 'second') {
        loader.touch()
        waiting.shift()!()
        await vi.waitUntil(() => waiting.length > 0)
      }
      current = 'new'
      void loader.reload()
      while (shown !== 'new') {
        waiting.shift()?.()
        await new Promise((resolve) => setTimeout(resolve))
      }
      await loaded
      expect([shown, loader.state.value]).toEqual(['new', 'ready'])
    },
  )
})

describe('uploads', () => {
  const file = (name: string) => new File(['x'], name)
  const settled = (uploads: { busy: boolean }) => vi.waitUntil(() => !uploads.busy)
  it('run one at a time', async () => {
    let running = 0
    let most = 0
    const upload = async () => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 2))
      running--
      return aSoftware()
    }
    const store = withApi({}, () => useUploadsStore(), { upload: upload as Upload })
    store.add([file('a.exe'), file('b.exe'), file('c.exe')])
    await settled(store)
    expect([most, store.items.map((i) => i.state)]).toEqual([1, ['done', 'done', 'done']])
  })
  it('stay in the list when they fail, and send the whole file again on retry', async () => {
    const sent: string[] = []
    const store = withApi({}, () => useUploadsStore(), {
      upload: (async (_name, _input, { file: one }) => {
        sent.push(one.name)
        if (sent.length === 1) throw new ApiError('E_DISK_FULL', '')
        return aSoftware()
      }) as Upload,
    })
    store.add([file('a.exe')])
    await settled(store)
    expect([store.items[0]?.state, store.items[0]?.failure?.code]).toEqual([
      'failed',
      'E_DISK_FULL',
    ])
    store.retry(store.items[0]!.key)
    await settled(store)
    expect([sent, store.items[0]?.state]).toEqual([['a.exe', 'a.exe'], 'done'])
  })
})

describe('an upload', () => {
  const KNOWLEDGE: z.input<typeof InstallerKnowledge> = {
    scope: null,
    warnings: [],
    facts: { install_args: { value: '/S', level: 'usual', source: 'NSIS' } },
  }
  const uploadOf = async (more: { existing?: true } = {}) => {
    const made = aSoftware({ revision: 3 }, { kind: 'exe', install_args: '', knowledge: KNOWLEDGE })
    const calls: unknown[] = []
    const answers = {
      'software.update_installer': (input: unknown) => {
        calls.push(input)
        return aSoftware({ revision: 4 }, { kind: 'exe', install_args: '/S' })
      },
    }
    const store = withApi(answers, () => useUploadsStore(), {
      upload: (() => Promise.resolve({ ...made, ...more })) as unknown as Upload,
    })
    store.add([new File(['x'], 'a.exe')])
    await vi.waitUntil(() => !store.busy)
    return calls
  }
  it('gets the proposed arguments without anybody looking at the form', async () => {
    expect(await uploadOf()).toEqual([
      { params: { id: 1, installer_id: 1 }, body: { install_args: '/S', revision: 3 } },
    ])
  })
  it('of a file that the library has changes nothing', async () => {
    expect(await uploadOf({ existing: true })).toEqual([])
  })
})

describe('the library', () => {
  it('shows the corrected installer', async () => {
    const calls: unknown[] = []
    const store = withApi(
      {
        'software.update_installer': (input) => {
          calls.push(input)
          return aSoftware({}, { install_args: '/quiet' })
        },
      },
      () => useSoftwareStore(),
    )
    const before = store.put(aSoftware())
    await store.updateInstaller(before.id, before.installers[0]!.id, { install_args: '/quiet' })
    expect(calls).toEqual([
      { params: { id: 1, installer_id: 1 }, body: { install_args: '/quiet' } },
    ])
    expect(store.byId.get(before.id)?.installers[0]?.install_args).toBe('/quiet')
  })
})
