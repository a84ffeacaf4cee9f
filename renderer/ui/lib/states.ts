/** States in words, with the icon and colour used for them everywhere. Never colour alone. */
import type { Deployment, DeploymentAction, Target } from '#shared/contract/rest/deployments.ts'
import type { DeploymentState } from '#shared/domain/deployment-state.ts'
import type { TargetState } from '#shared/domain/target-state.ts'

export type Tone = 'completed' | 'running' | 'waiting' | 'failed' | 'skipped' | 'canceled'
export type Shape =
  'check' | 'cross' | 'slash' | 'minus' | 'half' | 'dashed' | 'arrow' | 'pie' | 'dot' | 'ring'
export type Look = { label: string; tone: Tone; shape: Shape }

export const TARGET_LOOK: Record<TargetState, Look> = {
  pending: { label: 'Waiting', tone: 'waiting', shape: 'dashed' },
  downloading: { label: 'Downloading', tone: 'running', shape: 'arrow' },
  installing: { label: 'Installing', tone: 'running', shape: 'half' },
  completed: { label: 'Completed', tone: 'completed', shape: 'check' },
  failed: { label: 'Failed', tone: 'failed', shape: 'cross' },
  skipped: { label: 'Skipped', tone: 'skipped', shape: 'slash' },
}

export const DEPLOYMENT_LOOK: Record<DeploymentState, Look> = {
  pending: { label: 'Queued', tone: 'waiting', shape: 'dashed' },
  in_progress: { label: 'In progress', tone: 'running', shape: 'pie' },
  completed: { label: 'Completed', tone: 'completed', shape: 'check' },
  failed: { label: 'Failed', tone: 'failed', shape: 'cross' },
  partial: { label: 'Partly failed', tone: 'failed', shape: 'half' },
  canceled: { label: 'Cancelled', tone: 'canceled', shape: 'minus' },
}

/** How a deployment is shown: cancelling and paused are flags on a running one, a scheduled start is one on a queued one. */
export function lookOfDeployment(
  d: Pick<Deployment, 'status' | 'action' | 'canceling' | 'paused' | 'scheduled_at'>,
): Look {
  if (d.status === 'pending' && d.scheduled_at !== null && !d.canceling)
    return { ...DEPLOYMENT_LOOK.pending, label: 'Scheduled' }
  if (isActive(d.status) && d.canceling)
    return { label: 'Cancelling', tone: 'canceled', shape: 'minus' }
  if (d.status === 'in_progress' && d.paused)
    return { label: 'Paused', tone: 'waiting', shape: 'ring' }
  if (d.status === 'in_progress' && d.action === 'uninstall')
    return { ...DEPLOYMENT_LOOK.in_progress, label: 'Removing' }
  return DEPLOYMENT_LOOK[d.status]
}

/** How a target is shown: one skipped by a cancel reads as cancelled. */
export function lookOfTarget(t: Pick<Target, 'deployment_status' | 'action' | 'reason'>): Look {
  if (t.deployment_status === 'skipped' && t.reason === 'canceled')
    return { label: 'Cancelled', tone: 'canceled', shape: 'minus' }
  if (t.deployment_status === 'downloading' && t.reason === 'verifying')
    return { label: 'Verifying', tone: 'running', shape: 'half' }
  if (t.deployment_status === 'downloading' && t.reason === 'device_busy')
    return { label: 'Waiting', tone: 'waiting', shape: 'dashed' }
  if (t.deployment_status === 'installing' && t.action === 'uninstall')
    return { ...TARGET_LOOK.installing, label: 'Removing' }
  return TARGET_LOOK[t.deployment_status]
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

const WORDS: Record<Segment, string> = {
  completed: 'completed',
  failed: 'failed',
  skipped: 'skipped',
  installing: 'installing',
  downloading: 'downloading',
  pending: 'waiting',
}
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
    text: `${counts[s]} ${s === 'installing' && action === 'uninstall' ? 'removing' : WORDS[s]}`,
  }))
}

export const endedCount = (
  c: Pick<Record<Segment, number>, 'completed' | 'failed' | 'skipped'>,
): number => c.completed + c.failed + c.skipped

export const isActive = (status: DeploymentState): boolean =>
  status === 'pending' || status === 'in_progress'
