/** Keeps the secrets of a command out of the files on the PC and the reports. */
import type { DeployPayload } from '#shared/contract/agent/link.ts'
import { createValueMask } from '#shared/domain/value-mask.ts'
import { readCoded } from '#shared/domain/coded-texts/codes.ts'
import { withMessage, type Outcome } from './conclude.ts'

/** Recomposes the message from its masked parameters, so that message and code agree. */
function maskedMessage(
  { message, result_code, result_params }: Outcome,
  masked: (text: string) => string,
) {
  const params = Object.fromEntries(
    Object.entries(result_params ?? {}).map(([name, value]) => [
      name,
      typeof value === 'string' ? masked(value) : value,
    ]),
  )
  const text = readCoded(result_code, params)
  return text
    ? withMessage(text)
    : { message: masked(message), result_code: undefined, result_params: undefined }
}

/**
 * Masks the secrets in an outcome. A message may be truncated inside a secret, so the start of a secret at
 * its end is masked too.
 */
export function withoutSecrets(
  outcome: Outcome,
  { secret_values }: Pick<DeployPayload, 'secret_values'>,
): Outcome {
  if (secret_values === undefined || secret_values.length === 0) return outcome
  const mask = createValueMask(secret_values)
  const masked = (text: string): string => mask.end({ text, covered: 0 })
  return {
    ...outcome,
    ...maskedMessage(outcome, masked),
    ...(outcome.error_details !== undefined && { error_details: masked(outcome.error_details) }),
  }
}
