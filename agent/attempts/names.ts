import type { DeployPayload, DeploymentResult } from '#shared/contract/agent-link.ts'

/** The fields by which every report says which attempt it is about. */
export type AttemptNames = Pick<
  DeploymentResult,
  'deployment_id' | 'target_id' | 'attempt' | 'attempt_id'
>

export const namesOf = (payload: DeployPayload): AttemptNames => ({
  deployment_id: payload.deployment_id,
  target_id: payload.target_id,
  attempt: payload.attempt,
  attempt_id: payload.attempt_id,
})
