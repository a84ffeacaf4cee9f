/** The deployment that is being put together. Survives a restart. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import type { Preflight } from '#shared/contract/entities.ts'
import type { DeploymentId } from '#shared/domain/ids.ts'
import { toFailure } from '../api/failure.ts'
import { useApi } from '../api/index.ts'
import { Draft, dropUnknown, emptyDraft, isBlank, proposeName, toRequest } from '../lib/draft.ts'
import type { Known } from '../lib/draft.ts'
import type { Failure } from '../lib/error-text.ts'
import { useDevicesStore } from './devices.ts'
import { useGroupsStore } from './groups.ts'
import { useSoftwareStore } from './software.ts'

const KEY = 'deployx.draft'
/** Every chosen PC may be asked: that takes longer than an ordinary call. */
const PREFLIGHT_TIMEOUT_MS = 30_000
const CREATE_TIMEOUT_MS = 60_000

function restore(): Draft {
  try {
    const draft = Draft.safeParse(JSON.parse(localStorage.getItem(KEY) ?? 'null'))
    return draft.success ? draft.data : emptyDraft()
  } catch {
    return emptyDraft()
  }
}

export const useWizardStore = defineStore('wizard', () => {
  const api = useApi()
  const [library, devices, groups] = [useSoftwareStore(), useDevicesStore(), useGroupsStore()]
  const draft = ref<Draft>(restore())
  const preflight = shallowRef<Preflight | null>(null)
  const preflightFailure = shallowRef<Failure | null>(null)
  const checking = ref(false)
  let asked = 0

  watch(
    draft,
    (next) => {
      if (isBlank(next)) localStorage.removeItem(KEY)
      else localStorage.setItem(KEY, JSON.stringify(next))
    },
    { deep: true },
  )

  const known = computed<Known>(() => ({
    software: new Set<number>(library.list.map((s) => s.id)),
    devices: new Set<number>(devices.byId.keys()),
    groups: new Map([...groups.byId.values()].map((g) => [g.id, g.device_ids])),
  }))
  const softwareNames = computed(() => [
    ...draft.value.software_ids.flatMap((id) => {
      const found = library.byId.get(id)
      return found ? [[found.name, found.version].filter(Boolean).join(' ')] : []
    }),
    ...draft.value.custom_software.map((c) => c.name.trim()),
  ])
  watch(softwareNames, (names) => {
    if (draft.value.name_is_proposed) draft.value.name = proposeName(names)
  })

  /** Fetches what can be chosen, takes out of a kept draft what is gone, and tells how much that was. */
  async function open(): Promise<number> {
    await Promise.all([library.load(), devices.load(), groups.load()])
    if ([library.state, devices.state, groups.state].some((s) => s !== 'ready')) return 0
    const checked = dropUnknown(draft.value, known.value)
    if (checked.dropped > 0) draft.value = checked.draft
    return checked.dropped
  }

  /** Asks what would happen. Only the latest question's answer is kept. */
  async function check(): Promise<void> {
    const mine = ++asked
    checking.value = true
    preflight.value = null
    preflightFailure.value = null
    try {
      const reply = await api.call(
        'deployments.preflight',
        { body: toRequest(draft.value) },
        { timeoutMs: PREFLIGHT_TIMEOUT_MS },
      )
      if (mine === asked) preflight.value = reply
    } catch (error) {
      if (mine === asked) preflightFailure.value = toFailure(error)
    } finally {
      if (mine === asked) checking.value = false
    }
  }

  async function deploy(): Promise<DeploymentId> {
    const reply = await api.call(
      'deployments.create',
      { body: toRequest(draft.value) },
      { timeoutMs: CREATE_TIMEOUT_MS },
    )
    discard()
    return reply.deployment_id
  }

  function discard(): void {
    asked++
    draft.value = emptyDraft()
    preflight.value = null
    preflightFailure.value = null
    checking.value = false
  }

  return {
    draft,
    known,
    softwareNames,
    blank: computed(() => isBlank(draft.value)),
    preflight,
    preflightFailure,
    checking,
    open,
    check,
    deploy,
    discard,
  }
})
