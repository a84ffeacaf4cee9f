import { createPinia } from 'pinia'
import { describe, expect, it, vi } from 'vitest'
import { createApp } from 'vue'
import { API } from '../../api/index.ts'
import type { Api } from '../../api/index.ts'
import { ApiError } from '../../api/failure.ts'
import { toFormData, type UploadRequest } from '../../api/upload.ts'
import { aSoftware } from '../../test-kit.ts'
import { useUploadsStore } from './uploads-store.ts'

const file = (name: string): File => new File(['x'], name)

function open(refusal: Error | null = null) {
  const sent: [file: string, manifests: string[]][] = []
  const removed: unknown[] = []
  const api = {
    upload: async (_name: string, _input: object, request: UploadRequest) => {
      sent.push([request.file.name, (request.manifests ?? []).map(({ name }) => name)])
      return aSoftware({ id: sent.length })
    },
    call: async (name: string, input: unknown) => {
      if (name === 'software.delete' && refusal) throw refusal
      if (name === 'software.delete') removed.push(input)
      return { software: [] }
    },
  }
  const app = createApp({ render: () => null })
  const session = { onLost: () => undefined, renew: async () => null }
  app.provide(API, { session, shell: { setupCode: null }, ...api } as unknown as Api)
  app.use(createPinia())
  return { uploads: app.runWithContext(() => useUploadsStore()), sent, removed }
}
const settled = (uploads: { busy: boolean }) => vi.waitUntil(() => !uploads.busy)

describe('manifests', () => {
  it('are sent with every installer of the same drop, and are no uploads of their own', async () => {
    const { uploads, sent } = open()
    uploads.add([file('a.yaml'), file('a.exe'), file('b.msi')])
    await settled(uploads)
    expect(sent).toEqual([
      ['a.exe', ['a.yaml']],
      ['b.msi', ['a.yaml']],
    ])
    expect(uploads.items.map(({ fileName }) => fileName)).toEqual(['a.exe', 'b.msi'])
  })

  it('dropped onto an upload replace its new entry by one that has both', async () => {
    const { uploads, sent, removed } = open()
    uploads.add([file('a.exe'), file('b.msi')])
    await settled(uploads)
    uploads.add([file('b.yaml')], uploads.items[1]!.key)
    await vi.waitUntil(() => sent.length === 3)
    await settled(uploads)
    expect(removed).toHaveLength(1)
    expect(sent[2]).toEqual(['b.msi', ['b.yaml']])
    expect(uploads.items.map(({ state }) => state)).toEqual(['done', 'done'])
    expect(uploads.items[1]!.software?.id).toBe(3)
  })

  it('dropped anywhere belong to the only form', async () => {
    const { uploads, sent } = open()
    uploads.add([file('a.exe')])
    await settled(uploads)
    uploads.add([file('a.yaml')])
    await vi.waitUntil(() => sent.length === 2)
    expect(sent[1]).toEqual(['a.exe', ['a.yaml']])
  })

  it('are not sent when the entry is in use', async () => {
    const { uploads, sent } = open(new ApiError('E_CONFLICT', 'It is in use.'))
    uploads.add([file('a.exe')])
    await settled(uploads)
    uploads.add([file('a.yaml')])
    await settled(uploads)
    expect(sent).toHaveLength(1)
    expect(uploads.items[0]).toMatchObject({ state: 'failed' })
  })

  it('without any installer are uploaded, so that the controller says what is wrong', async () => {
    const { uploads, sent } = open()
    uploads.add([file('a.yaml')])
    await settled(uploads)
    expect(sent).toEqual([['a.yaml', []]])
  })

  it('come before the file in the form', () => {
    const form = toFormData(file('a.exe'), { name: 'A' }, [file('a.yaml'), file('b.yaml')])
    expect([...form.keys()]).toEqual(['name', 'manifest', 'manifest', 'file'])
  })
})
