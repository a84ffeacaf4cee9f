import type { DeployPayload, DeploymentResult } from '#shared/contract/agent/link.ts'

/** The fields by which every report identifies its attempt. */
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
