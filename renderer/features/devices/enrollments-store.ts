/** Enrolment codes for agents. */
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import type { EnrollmentsUpdated } from '#shared/contract/feed.ts'
import type { Enrollment } from '#shared/contract/rest/devices.ts'
import type { EnrollmentId, GroupId } from '#shared/domain/ids.ts'
import type { RouteReply } from '#shared/contract/rest/routes.ts'
import { useApi } from '../../api/index.ts'
import { createLoader } from '../../state/loader.ts'

export type NewCode = RouteReply<'enrollments.create'>
export type CopiedLines = NewCode['commands']

export const useEnrollmentsStore = defineStore('enrollments', () => {
  const api = useApi()
  const list = shallowRef<Enrollment[]>([])
  const loader = createLoader(async () => {
    list.value = (await api.call('enrollments.list')).enrollments
  })
  return {
    ...loader,
    list,
    /** @param addresses where PCs look for the hub, best first; undefined: the controller's default */
    create: (
      maxUses: number,
      ttlMinutes: number,
      groupIds: GroupId[],
      addresses?: string[],
    ): Promise<NewCode> =>
      api.call('enrollments.create', {
        body: {
          max_uses: maxUses,
          ttl_minutes: ttlMinutes,
          group_ids: groupIds,
          ...(addresses && { addresses }),
        },
      }),
    apply(news: EnrollmentsUpdated): void {
      if (loader.state.value === 'idle') return
      if (!('enrollment' in news)) return void loader.reload()
      const { enrollment } = news
      loader.touch()
      const isNew = !list.value.some((e) => e.id === enrollment.id)
      list.value = isNew
        ? [enrollment, ...list.value]
        : list.value.map((e) => (e.id === enrollment.id ? enrollment : e))
    },
    /** Commands for PCs that enrol without a code. */
    digitLines: async (): Promise<CopiedLines> => (await api.call('enrollments.digits')).commands,
    async revoke(id: EnrollmentId) {
      await api.call('enrollments.delete', { params: { id } })
      await loader.load()
      return true
    },
  }
})
