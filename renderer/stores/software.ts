/** The library. */
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import type { Installer, Software } from '#shared/contract/entities.ts'
import type { UpdateInstaller } from '#shared/contract/requests.ts'
import type { InstallerId, SoftwareId } from '#shared/domain/ids.ts'
import { useApi } from '../api/index.ts'
import type { UploadRequest } from '../api/upload.ts'
import { byName } from '../lib/search.ts'
import { createLoader } from './loader.ts'

/** Whether its file on the controller is unusable, so that it has to be uploaded again. */
export const needsFile = (i: Pick<Installer, 'file_missing' | 'file_damaged'>): boolean =>
  i.file_missing || i.file_damaged

export const useSoftwareStore = defineStore('software', () => {
  const api = useApi()
  const byId = shallowRef(new Map<SoftwareId, Software>())
  const loader = createLoader(async () => {
    const { software } = await api.call('software.list')
    byId.value = new Map(software.map((s) => [s.id, s]))
  })
  function put(software: Software): Software {
    byId.value = new Map(byId.value).set(software.id, software)
    return software
  }
  return {
    ...loader,
    byId,
    list: computed(() =>
      [...byId.value.values()]
        .filter((s) => s.origin === 'library')
        .sort((a, b) => byName(a.name, b.name) || byName(b.version, a.version)),
    ),
    put,
    /** Software that cannot be deployed before a file of it is uploaded again. */
    withMissingFile: computed(() =>
      [...byId.value.values()].filter(
        (s) => s.origin === 'library' && s.installers.some(needsFile),
      ),
    ),
    /** The installer whose missing or damaged file this seems to be. Whether it is, the controller finds out. */
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
      // The same bytes may stand behind other installers too.
      if (byId.value.size > 1) void loader.load()
      return healed
    },
    update: async (
      id: SoftwareId,
      change: { name?: string; version?: string; publisher?: string; depends_on?: SoftwareId[] },
    ) => put(await api.call('software.update', { params: { id }, body: change })),
    updateInstaller: async (id: SoftwareId, installerId: InstallerId, change: UpdateInstaller) =>
      put(
        await api.call('software.update_installer', {
          params: { id, installer_id: installerId },
          body: change,
        }),
      ),
    async remove(id: SoftwareId) {
      await api.call('software.delete', { params: { id } })
      const next = new Map(byId.value)
      next.delete(id)
      byId.value = next
      return true
    },
  }
})
