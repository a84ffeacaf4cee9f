/** Uploads of installers into the library. */
import { defineStore } from 'pinia'
import { computed, reactive, ref } from 'vue'
import type { Software, SoftwareFields } from '#shared/contract/rest/software.ts'
import { toFailure } from '../../api/failure.ts'
import { useApi } from '../../api/index.ts'
import type { UploadRequest } from '../../api/upload.ts'
import type { Failure } from '../../ui/lib/error-text.ts'
import { createSpeedMeter } from '../../ui/lib/speed.ts'
import { splitManifests, MANIFEST_LIMIT } from './manifests.ts'
import { proposedChanges, useSoftwareStore } from '../software/index.ts'

export type UploadItem = {
  key: number
  fileName: string
  /** `reading`: the upload is complete, the controller inspects the file. */
  state: 'queued' | 'sending' | 'reading' | 'done' | 'failed'
  sentBytes: number
  sizeBytes: number
  bytesPerSecond: number | null
  software: Software | null
  /** The file replaced a missing file of an existing library entry. */
  isBack: boolean
  /** The library already contained this file: nothing was added. */
  isExisting: boolean
  failure: Failure | null
  /** The user's answer about an archive whose entry file is not evident. */
  fields: Pick<SoftwareFields, 'platform' | 'entry'>
}

export const useUploadsStore = defineStore('uploads', () => {
  const api = useApi()
  const library = useSoftwareStore()
  const items = ref<UploadItem[]>([])
  /** Kept while the upload is shown, so that it can be sent again. */
  const files = new Map<number, File>()
  const manifests = new Map<number, File[]>()
  const aborts = new Map<number, AbortController>()
  const sheetOpen = ref(false)
  let nextKey = 1

  /** The upload whose form is meant: the one that the files were dropped onto, or the only one. */
  const formOf = (onto: number | null): UploadItem | undefined => {
    const forms = items.value.filter((i) => i.state === 'done' && !i.isBack && !i.isExisting)
    return onto === null && forms.length === 1 ? forms[0] : forms.find(({ key }) => key === onto)
  }

  /**
   * Files are uploaded one at a time, in the order they were added. Manifests go with the installers of the same list, or with the
   * upload that they were dropped onto.
   */
  function add(list: Iterable<File>, onto: number | null = null): void {
    const whole = [...list]
    const { installers, manifests: described } = splitManifests(whole)
    const item = installers.length === 0 && described.length > 0 ? formOf(onto) : undefined
    if (item) return void sendAgain(item, described)
    // Without an installer, the controller says what is wrong with them.
    for (const file of installers.length > 0 ? installers : whole) {
      const key = nextKey++
      files.set(key, file)
      if (installers.length > 0) manifests.set(key, described)
      items.value.push({
        key,
        fileName: file.name,
        state: 'queued',
        sentBytes: 0,
        sizeBytes: file.size,
        bytesPerSecond: null,
        software: null,
        isBack: false,
        isExisting: false,
        failure: null,
        fields: {},
      })
    }
    sheetOpen.value = items.value.length > 0
    void pump()
  }

  /** What the manifests say is read with the file: the new entry is replaced by one that has both. */
  async function sendAgain(item: UploadItem, more: readonly File[]): Promise<void> {
    const { key, software } = item
    if (!software || !files.has(key)) return
    manifests.set(key, [...(manifests.get(key) ?? []), ...more].slice(-MANIFEST_LIMIT))
    Object.assign(item, { state: 'reading' })
    try {
      await library.remove(software.id)
      Object.assign(item, { state: 'queued', software: null })
    } catch (error) {
      Object.assign(item, { state: 'failed', failure: toFailure(error) })
    }
    await pump()
  }

  async function pump(): Promise<void> {
    if (items.value.some((i) => i.state === 'sending' || i.state === 'reading')) return
    const next = items.value.find((i) => i.state === 'queued')
    if (!next) return
    await send(next)
    await pump()
  }

  /** Uploads a file that looks like a missing one in its place; null if it turns out to be a new file. */
  async function replaceMissing(request: Omit<UploadRequest, 'fields'>): Promise<Software | null> {
    const place = library.missingLike(request.file)
    if (!place) return null
    try {
      return await library.uploadFile(place.id, place.installerId, request)
    } catch (error) {
      if (toFailure(error).code === 'E_CONFLICT') return null
      throw error
    }
  }

  /**
   * Arguments and exit codes are saved immediately: nobody has to look at the form, which may be closed by now. If that fails, the form
   * still proposes them.
   */
  async function applyProposals(software: Software): Promise<void> {
    const [installer] = software.installers
    const changes = installer && proposedChanges(installer)
    if (changes)
      await library
        .updateInstaller(software.id, installer.id, { ...changes, revision: software.revision })
        .catch(() => undefined)
  }

  async function send(item: UploadItem): Promise<void> {
    const file = files.get(item.key)
    if (!file) return
    const live = reactive(item)
    const abort = new AbortController()
    aborts.set(item.key, abort)
    const meter = createSpeedMeter(1_500)
    Object.assign(live, { state: 'sending', sentBytes: 0, failure: null, bytesPerSecond: null })
    try {
      const request = {
        file,
        signal: abort.signal,
        onProgress(sentBytes: number, totalBytes: number) {
          meter.read(sentBytes, performance.now())
          live.sentBytes = sentBytes
          live.bytesPerSecond = meter.speed(performance.now())
          live.state = sentBytes >= totalBytes ? 'reading' : 'sending'
        },
      }
      const back = await replaceMissing(request)
      const made = back
        ? null
        : await api.upload(
            'software.create',
            {},
            { ...request, fields: item.fields, manifests: manifests.get(item.key) ?? [] },
          )
      if (made) library.put(made)
      if (made && !made.existing) await applyProposals(made)
      Object.assign(live, {
        state: 'done',
        software: back ?? made,
        isBack: back !== null,
        isExisting: made?.existing === true,
      })
    } catch (error) {
      const failure = toFailure(error)
      if (failure.code === 'E_CANCELED') dismiss(item.key)
      else Object.assign(live, { state: 'failed', failure })
    } finally {
      aborts.delete(item.key)
    }
  }

  function dismiss(key: number): void {
    files.delete(key)
    manifests.delete(key)
    items.value = items.value.filter((i) => i.key !== key)
    if (items.value.length === 0) sheetOpen.value = false
  }

  /** Closes the sheet: running uploads continue, ended ones are removed. */
  function close(): void {
    sheetOpen.value = false
    for (const { key, state } of [...items.value])
      if (state === 'done' || state === 'failed') dismiss(key)
  }

  return {
    items,
    sheetOpen,
    close,
    busy: computed(() => items.value.some((i) => i.state !== 'done' && i.state !== 'failed')),
    add,
    cancel(key: number) {
      const abort = aborts.get(key)
      if (abort) abort.abort()
      else dismiss(key)
    },
    /** Uploads the file again, with the user's answer. */
    retry(key: number, fields: UploadItem['fields'] = {}) {
      const item = items.value.find((i) => i.key === key)
      if (item) Object.assign(item, { state: 'queued', fields: { ...item.fields, ...fields } })
      void pump()
    },
    dismiss,
  }
})
