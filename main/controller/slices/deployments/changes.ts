/** What a committed transaction changed, published afterwards to the listeners (consoles, tray). Never before the commit. */
import type {
  DeploymentCompleted,
  DeploymentPaused,
  TargetOutputPiece,
} from '#shared/contract/feed.ts'
import type { DeploymentId, DeviceId, TargetId } from '#shared/domain/ids.ts'

export type DeploymentsEvent =
  | { type: 'targets'; deploymentId: DeploymentId; targetIds: TargetId[] }
  | { type: 'deployment'; deploymentId: DeploymentId }
  | { type: 'completed'; deploymentId: DeploymentId; body: DeploymentCompleted }
  | { type: 'paused'; deploymentId: DeploymentId; body: DeploymentPaused }
  | { type: 'output'; deploymentId: DeploymentId; piece: TargetOutputPiece }

/** Collects during a transaction. */
export type Changes = ReturnType<typeof createChanges>
export function createChanges() {
  const targets = new Map<DeploymentId, Set<TargetId>>()
  const deployments = new Set<DeploymentId>()
  /** Ends and pauses, in the order in which they were decided. */
  const notices: Extract<DeploymentsEvent, { type: 'completed' | 'paused' }>[] = []
  const outputs: Extract<DeploymentsEvent, { type: 'output' }>[] = []
  /** Devices that became free: deployments that wait for them are planned again. */
  const freed = new Set<DeviceId>()
  /** Deployments that may need a run of the engine. Most reports need none: received bytes, an accepted command. */
  const toRun = new Set<DeploymentId>()
  /** Failed targets whose PC received a file with the wrong hash. */
  const mismatched = new Set<TargetId>()
  function target(deploymentId: DeploymentId, id: TargetId): void {
    const set = targets.get(deploymentId)
    if (set) set.add(id)
    else targets.set(deploymentId, new Set([id]))
  }

  return {
    freed,
    toRun,
    mismatched,
    target,
    /** The target's state changed, so the deployment's counters changed too. */
    moved(row: { id: TargetId; deployment_id: DeploymentId }): void {
      target(row.deployment_id, row.id)
      deployments.add(row.deployment_id)
    },
    deployment: (id: DeploymentId): void => {
      deployments.add(id)
    },
    complete: (deploymentId: DeploymentId, body: DeploymentCompleted): void => {
      notices.push({ type: 'completed', deploymentId, body })
    },
    pause: (deploymentId: DeploymentId, body: DeploymentPaused): void => {
      notices.push({ type: 'paused', deploymentId, body })
    },
    output: (deploymentId: DeploymentId, piece: TargetOutputPiece): void => {
      outputs.push({ type: 'output', deploymentId, piece })
    },
    *events(): Generator<DeploymentsEvent> {
      for (const [deploymentId, ids] of targets)
        yield { type: 'targets', deploymentId, targetIds: [...ids] }
      for (const deploymentId of deployments) yield { type: 'deployment', deploymentId }
      yield* outputs
      yield* notices
    },
  }
}
