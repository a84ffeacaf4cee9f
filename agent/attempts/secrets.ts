/** Keeps the secrets of a command out of the files on the PC and the reports. */
import type { DeployPayload } from '#shared/contract/agent/link.ts'
import { createValueMask } from '#shared/domain/value-mask.ts'
import { readCoded } from '#shared/domain/coded-texts/codes.ts'
import { said, type Outcome } from './conclude.ts'

/** Composed again, so that text and code agree. */
function words({ message, result_code, result_params }: Outcome, hidden: (text: string) => string) {
  const params = Object.fromEntries(
    Object.entries(result_params ?? {}).map(([name, value]) => [
      name,
      typeof value === 'string' ? hidden(value) : value,
    ]),
  )
  const text = readCoded(result_code, params)
  return text
    ? said(text)
    : { message: hidden(message), result_code: undefined, result_params: undefined }
}

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
    ...words(outcome, hidden),
    ...(outcome.error_details !== undefined && { error_details: hidden(outcome.error_details) }),
  }
}
