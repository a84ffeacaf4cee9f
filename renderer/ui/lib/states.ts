/** States in words, with the icon and colour used for them everywhere. Never colour alone. */
import type { Deployment, DeploymentAction, Target } from '#shared/contract/rest/deployments.ts'
import type { DeploymentState } from '#shared/domain/deployment-state.ts'
import type { TargetState } from '#shared/domain/target-state.ts'
import { t } from '../texts.ts'

export type Tone = 'completed' | 'running' | 'waiting' | 'failed' | 'skipped' | 'canceled'
export type Shape =
  'check' | 'cross' | 'slash' | 'minus' | 'half' | 'dashed' | 'arrow' | 'pie' | 'dot' | 'ring'
export type Look = { label: string; tone: Tone; shape: Shape }

export const TARGET_LOOK: Record<TargetState, Look> = {
  pending: { label: t('states.waiting'), tone: 'waiting', shape: 'dashed' },
  downloading: { label: t('states.downloading'), tone: 'running', shape: 'arrow' },
  installing: { label: t('states.installing'), tone: 'running', shape: 'half' },
  completed: { label: t('states.completed'), tone: 'completed', shape: 'check' },
  failed: { label: t('states.failed'), tone: 'failed', shape: 'cross' },
  skipped: { label: t('states.skipped'), tone: 'skipped', shape: 'slash' },
}

export const DEPLOYMENT_LOOK: Record<DeploymentState, Look> = {
  pending: { label: t('states.queued'), tone: 'waiting', shape: 'dashed' },
  in_progress: { label: t('states.inProgress'), tone: 'running', shape: 'pie' },
  completed: { label: t('states.completed'), tone: 'completed', shape: 'check' },
  failed: { label: t('states.failed'), tone: 'failed', shape: 'cross' },
  partial: { label: t('states.partlyFailed'), tone: 'failed', shape: 'half' },
  canceled: { label: t('states.cancelled'), tone: 'canceled', shape: 'minus' },
}

/** How a deployment is shown: cancelling and paused are flags on a running one, a scheduled start is one on a queued one. */
export function lookOfDeployment(
  d: Pick<Deployment, 'status' | 'action' | 'canceling' | 'paused' | 'scheduled_at'>,
): Look {
  if (d.status === 'pending' && d.scheduled_at !== null && !d.canceling)
    return { ...DEPLOYMENT_LOOK.pending, label: t('states.scheduled') }
  if (isActive(d.status) && d.canceling)
    return { label: t('states.cancelling'), tone: 'canceled', shape: 'minus' }
  if (d.status === 'in_progress' && d.paused)
    return { label: t('states.paused'), tone: 'waiting', shape: 'ring' }
  if (d.status === 'in_progress' && d.action === 'uninstall')
    return { ...DEPLOYMENT_LOOK.in_progress, label: t('states.removing') }
  return DEPLOYMENT_LOOK[d.status]
}

/** How a target is shown: one skipped by a cancel reads as cancelled. */
export function lookOfTarget(
  target: Pick<Target, 'deployment_status' | 'action' | 'reason'>,
): Look {
  if (target.deployment_status === 'skipped' && target.reason === 'canceled')
    return { label: t('states.cancelled'), tone: 'canceled', shape: 'minus' }
  if (target.deployment_status === 'downloading' && target.reason === 'verifying')
    return { label: t('states.verifying'), tone: 'running', shape: 'half' }
  if (target.deployment_status === 'downloading' && target.reason === 'device_busy')
    return { label: t('states.waiting'), tone: 'waiting', shape: 'dashed' }
  if (target.deployment_status === 'installing' && target.action === 'uninstall')
    return { ...TARGET_LOOK.installing, label: t('states.removing') }
  return TARGET_LOOK[target.deployment_status]
}

/** The order of the bar's segments and of the counts below it. */
export const SEGMENTS = [
  'completed',
  'failed',
  'skipped',
  'installing',
  'downloading',
  'pending',
] as const
export type Segment = (typeof SEGMENTS)[number]

const SPOKEN: readonly Segment[] = [
  'completed',
  'installing',
  'downloading',
  'pending',
  'failed',
  'skipped',
]

/** [['completed', 31, '31 completed'], …]: only counts above zero. */
export function countsInWords(
  counts: Record<Segment, number>,
  action: DeploymentAction = 'install',
): { segment: Segment; count: number; text: string }[] {
  return SPOKEN.filter((s) => counts[s] > 0).map((s) => ({
    segment: s,
    count: counts[s],
    text: t(s === 'installing' && action === 'uninstall' ? 'counts.removing' : `counts.${s}`, {
      n: counts[s],
    }),
  }))
}

export const endedCount = (
  c: Pick<Record<Segment, number>, 'completed' | 'failed' | 'skipped'>,
): number => c.completed + c.failed + c.skipped

export const isActive = (status: DeploymentState): boolean =>
  status === 'pending' || status === 'in_progress'
