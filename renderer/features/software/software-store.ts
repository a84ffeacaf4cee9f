/** The software library. */
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import type { SoftwareUpdated } from '#shared/contract/feed.ts'
import { Software, type Installer } from '#shared/contract/rest/software.ts'
import type { UpdateInstaller } from '#shared/contract/rest/software.ts'
import type { InstallerId, SoftwareId } from '#shared/domain/ids.ts'
import { currentOf } from '../../api/failure.ts'
import { useApi } from '../../api/index.ts'
import type { UploadRequest } from '../../api/upload.ts'
import { byName } from '../../ui/lib/search.ts'
import { createLoader } from '../../state/loader.ts'

/** Whether the file on the controller is missing or damaged and must be uploaded again. */
export const needsFile = (i: Pick<Installer, 'file_missing' | 'file_damaged'>): boolean =>
  i.file_missing || i.file_damaged

export const useSoftwareStore = defineStore('software', () => {
  const api = useApi()
  const byId = shallowRef(new Map<SoftwareId, Software>())
  const loader = createLoader(async () => {
    const { software } = await api.call('software.list')
    byId.value = new Map(software.map((s) => [s.id, s]))
  })
  /** An answer may arrive after the feed event of a newer change. */
  function put(software: Software): Software {
    const known = byId.value.get(software.id)
    if (known && known.revision > software.revision) return known
    loader.touch()
    byId.value = new Map(byId.value).set(software.id, software)
    return software
  }
  function drop(id: SoftwareId): void {
    loader.touch()
    const next = new Map(byId.value)
    next.delete(id)
    byId.value = next
  }
  /** If the change was based on an outdated entry, the store gets the current one. */
  async function changed(call: Promise<Software>): Promise<Software> {
    try {
      return put(await call)
    } catch (error) {
      const current = currentOf(error, Software)
      if (current) put(current)
      throw error
    }
  }
  return {
    ...loader,
    byId,
    apply(news: SoftwareUpdated): void {
      if ('software' in news) put(news.software)
      else if ('removed_software_id' in news) drop(news.removed_software_id)
      else void loader.reload()
    },
    list: computed(() =>
      [...byId.value.values()]
        .filter((s) => s.origin === 'library')
        .sort((a, b) => byName(a.name, b.name) || byName(b.version, a.version)),
    ),
    put,
    /** Software that cannot be deployed until a file is uploaded again. */
    withMissingFile: computed(() =>
      [...byId.value.values()].filter(
        (s) => s.origin === 'library' && s.installers.some(needsFile),
      ),
    ),
    /** An installer whose missing or damaged file this could be. The controller verifies that. */
    missingLike(file: Pick<File, 'name' | 'size'>) {
      for (const { id, installers } of byId.value.values())
        for (const i of installers)
          if (needsFile(i) && i.file_name === file.name && i.size_bytes === file.size)
            return { id, installerId: i.id }
      return null
    },
    async uploadFile(
      id: SoftwareId,
      installerId: InstallerId,
      request: Omit<UploadRequest, 'fields'>,
    ) {
      const params = { id, installer_id: installerId }
      const healed = put(
        await api.upload('software.upload_file', { params }, { ...request, fields: {} }),
      )
      // Other installers may use the same file too.
      if (byId.value.size > 1) void loader.reload()
      return healed
    },
    update: (
      id: SoftwareId,
      change: {
        name?: string
        version?: string
        publisher?: string
        depends_on?: SoftwareId[]
        /** The revision on which the change is based. */
        revision?: number
      },
    ) => changed(api.call('software.update', { params: { id }, body: change })),
    updateInstaller: (
      id: SoftwareId,
      installerId: InstallerId,
      change: UpdateInstaller & { revision?: number },
    ) =>
      changed(
        api.call('software.update_installer', {
          params: { id, installer_id: installerId },
          body: change,
        }),
      ),
    async remove(id: SoftwareId) {
      await api.call('software.delete', { params: { id } })
      drop(id)
      return true
    },
  }
})
