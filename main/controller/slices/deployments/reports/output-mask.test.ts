import { expect, it } from 'vitest'
import { createValueMask } from '#shared/domain/value-mask.ts'
import type { DeploymentResult } from '#shared/contract/agent/link.ts'
import type { InstallerRow } from '../tables/deployments.repo.ts'
import { createOutputMask } from './output-mask.ts'

it('hides secrets in the parameters of a text as in the text itself', () => {
  const mask = createOutputMask({
    repo: { attempt: () => undefined },
    outputs: {} as never,
    sealed: { maskOf: () => createValueMask(['LIC-7QX2']) } as never,
  })
  const installer = {} as InstallerRow
  const result = {
    message: 'Bad key LIC-7QX2.',
    result_code: 'agent_failed',
    result_params: { error: 'Bad key LIC-7QX2.', exit_code: 1 },
  } as unknown as DeploymentResult
  expect(mask.ofResult(installer, result)).toMatchObject({
    message: 'Bad key ●●●.',
    result_params: { error: 'Bad key ●●●.', exit_code: 1 },
  })
  const refusal = {
    accepted: false,
    why: 'busy',
    message: 'm',
    params: { error: 'LIC-7QX2' },
  } as const
  expect(mask.ofRefusal(installer, refusal)).toMatchObject({ params: { error: '●●●' } })
})
