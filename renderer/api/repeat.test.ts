import { describe, expect, it } from 'vitest'
import { ApiError } from './failure.ts'
import { createRepeats } from './repeat.ts'

type Sent = { request_id: string; name: string }

describe('a request that creates something', () => {
  const setUp = () => {
    const once = createRepeats()
    const sent: Sent[] = []
    const send = (name: string, fails?: ApiError) =>
      once('/groups', { name }, async (body) => {
        sent.push(body as Sent)
        if (fails) throw fails
        return 'made'
      }).catch((error: unknown) => error)
    return { sent, send }
  }

  it.each(['E_UNREACHABLE', 'E_TIMEOUT', 'E_REPLY', 'E_INTERNAL'] as const)(
    'sends the same key again after %s, and a new one once answered',
    async (code) => {
      const { sent, send } = setUp()
      await send('Kasse', new ApiError(code, ''))
      await send('Kasse')
      await send('Kasse')
      const [first, again, next] = sent.map((body) => body.request_id)
      expect(again).toBe(first)
      expect(next).not.toBe(first)
    },
  )

  it('uses a new key after a refusal, and for other content', async () => {
    const { sent, send } = setUp()
    await send('Kasse', new ApiError('E_CONFLICT', ''))
    await send('Kasse', new ApiError('E_TIMEOUT', ''))
    await send('Lager')
    expect(new Set(sent.map((body) => body.request_id)).size).toBe(3)
    for (const { request_id } of sent)
      expect(request_id).toMatch(
        /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      )
  })

  it('keeps a key given by the caller', async () => {
    const once = createRepeats()
    const body = await once('/x', { request_id: 'given' }, async (sent) => sent)
    expect(body).toEqual({ request_id: 'given' })
  })
})
