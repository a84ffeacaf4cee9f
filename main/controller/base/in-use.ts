/**
 * Refuses to remove something that a deployment still needs, and names that deployment to users who may
 * see it.
 */
import { AppError } from '#shared/contract/errors.ts'
import type { DeploymentId, UserId } from '#shared/domain/ids.ts'
import { maySee, type Viewer } from './context.ts'

export type NamedDeployment = { id: DeploymentId; name: string; created_by: UserId | null }

/** @throws AppError E_IN_USE if `usedBy` is not empty */
export function checkUnused(
  viewer: Viewer,
  what: string,
  usedBy: readonly NamedDeployment[],
): void {
  if (usedBy.length === 0) return
  const seen = usedBy.filter((deployment) => maySee(viewer, deployment.created_by))
  const [first] = seen
  const named = first ? `the deployment ${first.name}` : 'a deployment of another user'
  const others = usedBy.length - 1
  throw new AppError(
    'E_IN_USE',
    `${what} is part of ${named}${others > 0 ? ` and of ${others} more` : ''}, which ${others > 0 ? 'have' : 'has'} not ended. Wait for the end or cancel it.`,
    seen.slice(0, 20).map(({ id, name }) => ({ message: `deployment ${id}: ${name}` })),
  )
}
