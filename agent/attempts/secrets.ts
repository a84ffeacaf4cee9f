/** Keeps the secrets of a command out of the files on the PC and the reports. */
import type { DeployPayload } from '#shared/contract/agent/link.ts'
import { createValueMask } from '#shared/domain/value-mask.ts'
import type { Outcome } from './conclude.ts'

/** Messages are cut to a length, so their last characters may be the beginning of a secret. */
export function withoutSecrets(
  outcome: Outcome,
  { secret_values }: Pick<DeployPayload, 'secret_values'>,
): Outcome {
  if (secret_values === undefined || secret_values.length === 0) return outcome
  const mask = createValueMask(secret_values)
  const hidden = (text: string): string => mask.end({ text, covered: 0 })
  return {
    ...outcome,
    message: hidden(outcome.message),
    ...(outcome.error_details !== undefined && { error_details: hidden(outcome.error_details) }),
  }
}
