/** Failures grouped by cause, then by PC. */
import type { Target } from '#shared/contract/rest/deployments.ts'
import { byName } from '../../ui/lib/search.ts'
import { explainTarget, nextStep } from './reasons.ts'
import { t } from './texts.ts'

export type FailureCluster = {
  key: string
  /** The cause in words: the meaning of the exit code, or the reason. */
  cause: string
  next: string | null
  targets: Target[]
}

/** Clusters of failed targets, the largest first; PCs within a cluster in natural order. */
export function clusterFailures(targets: Iterable<Target>): FailureCluster[] {
  const clusters = new Map<string, FailureCluster>()
  for (const target of targets) {
    if (target.deployment_status !== 'failed') continue
    const cause = explainTarget(target) || t('explained.failed')
    const key = `${target.reason ?? 'none'}|${cause}`
    const cluster = clusters.get(key) ?? { key, cause, next: nextStep(target), targets: [] }
    cluster.targets.push(target)
    clusters.set(key, cluster)
  }
  for (const cluster of clusters.values())
    cluster.targets.sort((a, b) => byName(a.device_name, b.device_name))
  return [...clusters.values()].sort(
    (a, b) => b.targets.length - a.targets.length || byName(a.cause, b.cause),
  )
}
