import { expect, it } from 'vitest'
import { createValueMask } from '#shared/domain/value-mask.ts'
import type { DeploymentResult } from '#shared/contract/agent/link.ts'
import type { AttemptId, InstallerId } from '#shared/domain/ids.ts'
import { createOutputMask } from './output-mask.ts'

it('hides secrets in the parameters of a text as in the text itself', () => {
  const mask = createOutputMask({
    repo: { installer: () => ({}), attempt: () => undefined } as never,
    outputs: {} as never,
    sealed: { maskOf: () => createValueMask(['LIC-7QX2']) } as never,
  })
  const of = { installer_id: 1 as InstallerId, attempt_id: 'a' as AttemptId }
  const result = {
    message: 'Bad key LIC-7QX2.',
    result_code: 'agent_failed',
    result_params: { error: 'Bad key LIC-7QX2.', exit_code: 1 },
  } as unknown as DeploymentResult
  expect(mask.ofResult(of, result)).toMatchObject({
    message: 'Bad key ●●●.',
    result_params: { error: 'Bad key ●●●.', exit_code: 1 },
  })
  const refusal = {
    accepted: false,
    why: 'busy',
    message: 'm',
    params: { error: 'LIC-7QX2' },
  } as const
  expect(mask.ofRefusal(of, refusal)).toMatchObject({ params: { error: '●●●' } })
})
