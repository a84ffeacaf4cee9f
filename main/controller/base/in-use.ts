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
  used: { software: string } | { group: string },
  usedBy: readonly NamedDeployment[],
): void {
  if (usedBy.length === 0) return
  const seen = usedBy.filter((deployment) => maySee(viewer, deployment.created_by))
  const [first] = seen
  const n = usedBy.length - 1
  const details = seen
    .slice(0, 20)
    .map(({ id, name }) => ({ message: `deployment ${id}: ${name}` }))
  const isGroup = 'group' in used
  const prefix = isGroup ? 'group_' : ''
  const what = isGroup ? used.group : used.software
  if (first)
    throw n > 0
      ? AppError.of(`${prefix}used_by_deployments`, { what, deployment: first.name, n }, details)
      : AppError.of(`${prefix}used_by_deployment`, { what, deployment: first.name }, details)
  throw n > 0
    ? AppError.of(`${prefix}used_by_other_users`, { what, n })
    : AppError.of(`${prefix}used_by_other_user`, { what })
}
