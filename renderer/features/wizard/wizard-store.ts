/** The deployment being created. Survives a restart. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import type { Preflight } from '#shared/contract/rest/deployments.ts'
import { DeploymentId, type SoftwareId } from '#shared/domain/ids.ts'
import { toFailure } from '../../api/failure.ts'
import { useApi } from '../../api/index.ts'
import { isUnanswered } from '../../api/repeat.ts'
import {
  customOf,
  Draft,
  dropUnknown,
  emptyDraft,
  isBlank,
  proposeName,
  toKeep,
  toRequest,
} from './draft.ts'
import type { Known, Step } from './draft.ts'
import { refusalsOf } from './draft-checks.ts'
import type { Failure } from '../../ui/lib/error-text.ts'
import { newRequestId } from '../../api/request-id.ts'
import { useDevicesStore } from '../devices/index.ts'
import { useGroupsStore } from '../groups/index.ts'
import { useSoftwareStore } from '../software/index.ts'

const KEY = 'deployx.draft'
/** The preflight may query every chosen PC, which takes longer than an ordinary call. */
const PREFLIGHT_TIMEOUT_MS = 30_000
const CREATE_TIMEOUT_MS = 60_000
const FIND_TIMEOUT_MS = 10_000

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
  /** The controller's refusal of this draft; cleared when the draft changes. */
  const refused = shallowRef<Failure | null>(null)
  /** Set when the deployment was created from this draft but the answer was lost. */
  const started = ref<DeploymentId | null>(null)
  let asked = 0

  watch(
    () => JSON.stringify({ ...draft.value, step: null, request_id: null }),
    () => {
      refused.value = null
      // A draft changed after its deployment was started becomes another deployment.
      if (started.value === null) return
      started.value = null
      draft.value.request_id = newRequestId()
    },
  )
  watch(
    draft,
    (next) => {
      if (isBlank(next)) localStorage.removeItem(KEY)
      else localStorage.setItem(KEY, JSON.stringify(toKeep(next)))
    },
    { deep: true },
  )

  const known = computed<Known>(() => ({
    software: new Set<number>(library.list.map((s) => s.id)),
    devices: new Set<number>(devices.byId.keys()),
    groups: new Map([...groups.byId.values()].map((g) => [g.id, g.device_ids])),
    needs: new Map(
      library.list.filter((s) => s.depends_on.length > 0).map((s) => [s.id, s.depends_on]),
    ),
  }))
  const titleOf = (id: SoftwareId) => {
    const found = library.byId.get(id)
    return found ? [found.name, found.version].filter(Boolean).join(' ') : ''
  }
  const softwareNames = computed(() => [
    ...draft.value.software_ids.map(titleOf).filter((name) => name !== ''),
    ...customOf(draft.value).map((c) => c.name.trim()),
  ])
  /** Dependencies are installed first but named last: they are not what the deployment is about. */
  const namesByWeight = computed(() => {
    const needed = new Set<string>(
      draft.value.software_ids.flatMap((id) =>
        (library.byId.get(id)?.depends_on ?? []).map((other) => titleOf(other)),
      ),
    )
    const isNeeded = (name: string) => (needed.has(name) ? 1 : 0)
    return [...softwareNames.value].sort((a, b) => isNeeded(a) - isNeeded(b))
  })
  watch([namesByWeight, () => draft.value.action] as const, ([names, action]) => {
    if (draft.value.name_is_proposed) draft.value.name = proposeName(names, action)
  })

  /** Loads everything that can be chosen, removes outdated items from a stored draft, and returns their number. */
  async function open(): Promise<number> {
    await Promise.all([library.load(), devices.load(), groups.load()])
    if ([library.state, devices.state, groups.state].some((s) => s !== 'ready')) return 0
    const checked = dropUnknown(draft.value, known.value)
    if (checked.dropped > 0) draft.value = checked.draft
    return checked.dropped
  }

  /** Runs the preflight. Only the answer to the latest request is kept. */
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
      if (mine === asked) preflightFailure.value = refused.value = toFailure(error)
    } finally {
      if (mine === asked) checking.value = false
    }
  }

  /** @returns null if the deployment was created but the answer was lost; `started` then has its id */
  async function deploy(): Promise<DeploymentId | null> {
    try {
      const reply = await api.call(
        'deployments.create',
        { body: { ...toRequest(draft.value), request_id: draft.value.request_id } },
        { timeoutMs: CREATE_TIMEOUT_MS },
      )
      discard()
      return reply.deployment_id
    } catch (error) {
      started.value = await findStarted(error)
      if (started.value !== null) return null
      refused.value = toFailure(error)
      throw error
    }
  }

  /** The deployment created from this draft despite an error; null: there is none, or the controller does not answer. */
  async function findStarted(error: unknown): Promise<DeploymentId | null> {
    if (!isUnanswered(error) && toFailure(error).code !== 'E_CONFLICT') return null
    try {
      const found = await api.call(
        'requests.get',
        { params: { id: draft.value.request_id } },
        { timeoutMs: FIND_TIMEOUT_MS },
      )
      return found.id === null ? null : DeploymentId.parse(found.id)
    } catch {
      return null
    }
  }
  /** Discards a draft whose deployment was created, and returns that deployment. */
  function takeStarted(): DeploymentId | null {
    const id = started.value
    if (id !== null) discard()
    return id
  }

  function discard(): void {
    asked++
    started.value = null
    draft.value = emptyDraft()
    preflight.value = null
    preflightFailure.value = null
    refused.value = null
    checking.value = false
  }

  return {
    draft,
    known,
    softwareNames,
    blank: computed(() => isBlank(draft.value)),
    preflight,
    preflightFailure,
    refusals: (step: Step) => refusalsOf(refused.value?.details ?? [], step),
    checking,
    started,
    takeStarted,
    open,
    check,
    deploy,
    discard,
  }
})
