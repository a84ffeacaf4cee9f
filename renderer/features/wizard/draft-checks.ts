/** Validation of the wizard's steps, and the fields for the controller's errors. Pure. */
import type { ErrorDetail } from '#shared/contract/errors.ts'
import { CreateDeployment } from '#shared/contract/rest/deployment-requests.ts'
import type { SoftwareId } from '#shared/domain/ids.ts'
import { strategyProblems } from '#shared/domain/strategy.ts'
import { controllerNow } from '../../ui/lib/controller-clock.ts'
import { SECRET_MASK } from '#shared/domain/secret-arguments.ts'
import { upperFirst } from '#shared/domain/upper-first.ts'
import { chosenDevices, customOf, STEPS, stepOfPath, toRequest } from './draft.ts'
import type { Draft, Known, Step } from './draft.ts'
import { limitsFailures, startAtMs, strategyOf } from '../deployments/index.ts'
import { t } from './texts.ts'

export type StepField =
  | 'software'
  | 'targets'
  | 'name'
  | 'max_concurrent'
  | 'wait_minutes'
  | 'timeout'
  | 'batch'
  | 'rest'
  | 'canary'
  | 'failure_percent'
  | 'min_executed'
  | 'start'
  | 'window_days'
  | 'window_start'
  | 'window_end'
  | 'reboot_minutes'
/** Messages per field; an empty object means the step is complete. */
export type StepErrors = Partial<Record<StepField, string>>

const whole = (n: number | null, min: number, max: number) =>
  n !== null && Number.isInteger(n) && n >= min && n <= max

/** Chosen software with a dependency that was not chosen would never install. */
const missesNeeds = (draft: Draft, known: Known) =>
  draft.software_ids.some((id) =>
    (known.needs.get(id) ?? []).some(
      (needed) => known.software.has(needed) && !draft.software_ids.includes(needed as SoftwareId),
    ),
  )

/**
 * Errors in one step.
 * @param nowMs the current time, which the start must be after
 */
export function checkStep(
  draft: Draft,
  step: Step,
  known: Known,
  nowMs = controllerNow(),
): StepErrors {
  const errors: StepErrors = {}
  switch (step) {
    case 'software':
      if (draft.software_ids.length + customOf(draft).length === 0)
        errors.software = t('checks.noSoftware')
      else if (draft.software_ids.some((id) => !known.software.has(id)))
        errors.software = t('checks.softwareGone')
      else if (draft.action === 'install' && missesNeeds(draft, known))
        errors.software = t('checks.needsMissing')
      else if (draft.software_ids.length > 50) errors.software = t('checks.softwareMany')
      else if (customOf(draft).length > 20) errors.software = t('checks.urlsMany')
      else {
        const [item] = customOf(draft).filter((one) => one.install_args.includes(SECRET_MASK))
        if (item) errors.software = t('checks.secretLost', { name: item.name })
      }
      return errors
    case 'targets':
      if (draft.device_ids.length + draft.group_ids.length === 0)
        errors.targets = t('checks.noTargets')
      else if (
        draft.device_ids.some((id) => !known.devices.has(id)) ||
        draft.group_ids.some((id) => !known.groups.has(id))
      )
        errors.targets = t('checks.targetsGone')
      else if (chosenDevices(draft, known).length === 0) errors.targets = t('checks.groupsEmpty')
      return errors
    case 'strategy':
      return checkStrategy(draft, nowMs)
    case 'review':
      return errors
  }
}

const COUNT = t('checks.count')
const PERCENT = t('checks.percent')
const TIME = t('checks.time')
/** The valid values of a field, in the user's terms. */
const hint = (draft: Draft): Partial<Record<StepField, string>> => ({
  max_concurrent: COUNT,
  wait_minutes: t('checks.waitMinutes'),
  timeout: t('checks.timeout'),
  batch: draft.batch_unit === 'pcs' ? COUNT : PERCENT,
  canary: draft.canary_unit === 'pcs' ? COUNT : PERCENT,
  rest: t('checks.rest'),
  failure_percent: PERCENT,
  min_executed: t('checks.minimum'),
  window_days: t('checks.noDay'),
  window_start: TIME,
  window_end: draft.window_start === draft.window_end ? t('checks.sameTimes') : TIME,
})

/** Validates with the contract's own rules; checked here is only what the contract would replace by a default. */
function checkStrategy(draft: Draft, nowMs: number): StepErrors {
  const errors: StepErrors = {}
  const texts = hint(draft)
  const set = (field: StepField, text: string) => (errors[field] ??= texts[field] ?? text)
  if (draft.name.trim() === '') errors.name = t('checks.nameMissing')
  else if (draft.name.trim().length > 200) errors.name = t('checks.nameLong')
  if (draft.max_concurrent === null) set('max_concurrent', COUNT)
  if (draft.offline_policy === 'wait' && draft.wait_minutes === null) set('wait_minutes', '')
  if (draft.timeout_minutes !== null && !whole(draft.timeout_minutes, 1, 1_440)) set('timeout', '')
  if (limitsFailures(draft) && draft.failure_percent === null) set('failure_percent', PERCENT)
  if (draft.reboot === 'if_needed' && draft.reboot_minutes === null) set('reboot_minutes', '')
  if (draft.start === 'later') {
    const startMs = startAtMs(draft)
    if (startMs === null) errors.start = t('checks.startWrong')
    else if (startMs <= nowMs) errors.start = t('checks.startPast')
  }
  const parsed = CreateDeployment.safeParse(toRequest(draft))
  for (const issue of parsed.error?.issues ?? []) {
    const field = fieldOfPath(`/${issue.path.map(String).join('/')}`)
    if (field) set(field, upperFirst(`${issue.message}.`))
  }
  for (const { key, message } of strategyProblems(draft.strategy_type, strategyOf(draft))) {
    const field = fieldOfPath(`/strategy/${key}`)
    if (field) set(field, upperFirst(`${message}.`))
  }
  return errors
}

/** Labels of the fields in step 3, in the order of the form. */
const LABEL = {
  name: '',
  batch: t('fields.batch'),
  rest: t('fields.rest'),
  canary: t('fields.canary'),
  max_concurrent: t('fields.concurrent'),
  failure_percent: t('fields.failures'),
  min_executed: t('fields.failures'),
  wait_minutes: t('fields.offline'),
  start: t('fields.start'),
  window_days: t('fields.window'),
  window_start: t('fields.window'),
  window_end: t('fields.window'),
  reboot_minutes: t('fields.notice'),
  timeout: t('fields.timeout'),
} as const satisfies Partial<Record<StepField, string>>

/** The first error, with its field because it is shown elsewhere: "Start: it is in the past." */
export function firstError(errors: StepErrors): string | undefined {
  const fields = Object.keys(LABEL) as (keyof typeof LABEL)[]
  const field = fields.find((f) => errors[f] !== undefined)
  if (!field || field === 'name') return Object.values(errors)[0]
  const text = errors[field] ?? ''
  return t('fields.error', {
    field: LABEL[field],
    error: `${text.charAt(0).toLowerCase()}${text.slice(1)}`,
  })
}

/** Fields of step 3 by their path in the request. The first match counts. */
const FIELD_OF_PATH: readonly (readonly [path: string, field: StepField])[] = [
  ['/name', 'name'],
  ['/strategy/max_concurrent', 'max_concurrent'],
  ['/strategy/batch_', 'batch'],
  ['/strategy/pause_seconds', 'rest'],
  ['/strategy/canary_', 'canary'],
  ['/strategy/failure_threshold_percent', 'failure_percent'],
  ['/strategy/min_executed', 'min_executed'],
  ['/scheduled_at', 'start'],
  ['/maintenance_window/days', 'window_days'],
  ['/maintenance_window/start', 'window_start'],
  ['/maintenance_window', 'window_end'],
  ['/reboot_delay_minutes', 'reboot_minutes'],
  ['/wait_minutes', 'wait_minutes'],
  ['/timeout_seconds', 'timeout'],
]
const fieldOfPath = (path: string): StepField | null =>
  FIELD_OF_PATH.find(([begin]) => path.startsWith(begin))?.[1] ?? null

/** The controller's errors for the fields of one step. */
export function refusalsOf(details: readonly ErrorDetail[], step: Step): StepErrors {
  const errors: StepErrors = {}
  for (const { path, message } of details) {
    if (path === undefined || stepOfPath(path) !== step) continue
    const field =
      step === 'software' || step === 'targets' ? step : (fieldOfPath(path) ?? ('name' as const))
    errors[field] ??= upperFirst(message.endsWith('.') ? message : `${message}.`)
  }
  return errors
}

/** The first incomplete step, or 'review'. */
export function firstOpenStep(draft: Draft, known: Known, nowMs = controllerNow()): Step {
  return (
    STEPS.find((step) => Object.keys(checkStep(draft, step, known, nowMs)).length > 0) ?? 'review'
  )
}
