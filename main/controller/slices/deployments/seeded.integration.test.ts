import { expect, it } from 'vitest'
import { seededDeployments } from '../../test-kit/seeded-deployments.ts'

it('decides, stores and sends the same for the same seed, byte for byte', async () => {
  const history = await seededDeployments(1)
  expect(await seededDeployments(1)).toBe(history)
  expect(await seededDeployments(2)).not.toBe(history)
  // There was something to decide.
  for (const outcome of ['"completed"', '"failed"', 'attempt_id', '"offline"', 'It broke.'])
    expect(history).toContain(outcome)
})
