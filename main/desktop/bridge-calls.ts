/**
 * Handles one call of the page: looks it up, validates the input, runs it, validates the result.
 * Pure except for the handler.
 */
import type { z } from 'zod'
import {
  bridgeCalls,
  type BridgeCallName,
  type BridgeCalls,
  type BridgeResult,
} from '#shared/contract/bridge.ts'
import { AppError, validationError, type ErrorCode } from '#shared/contract/errors.ts'

type Reply<N extends BridgeCallName> = z.output<BridgeCalls[N]['reply']>
export type BridgeHandlers = {
  [N in BridgeCallName]: (input: z.output<BridgeCalls[N]['input']>) => Reply<N> | Promise<Reply<N>>
}

export const refusal = (code: ErrorCode, message: string): BridgeResult<never> => ({
  ok: false,
  error: { code, message },
})

/**
 * Answers a call from the page. Never throws: an expected failure keeps its code, anything else
 * becomes E_INTERNAL without its message.
 * @param name and input as received, of any type
 */
export async function answerCall(
  handlers: BridgeHandlers,
  name: unknown,
  input: unknown,
  onBug: (error: unknown) => void,
): Promise<BridgeResult<unknown>> {
  if (typeof name !== 'string' || !Object.hasOwn(bridgeCalls, name))
    return refusal('E_NOT_FOUND', 'The desktop has no such call.')
  const call = bridgeCalls[name as BridgeCallName]
  const handler = handlers[name as BridgeCallName] as (input: unknown) => unknown
  try {
    const checked = call.input.safeParse(input)
    if (!checked.success) throw validationError(checked.error, `${name} cannot take this`)
    return { ok: true, data: call.reply.parse(await handler(checked.data)) }
  } catch (error) {
    if (error instanceof AppError) return refusal(error.code, error.message)
    onBug(error)
    return refusal(
      'E_INTERNAL',
      'Something went wrong in the desktop app. Its log has the details.',
    )
  }
}
