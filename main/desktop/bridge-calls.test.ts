import { describe, expect, it, vi } from 'vitest'
import { AppError } from '#shared/contract/errors.ts'
import { answerCall, type BridgeHandlers } from './bridge-calls.ts'
import { DEFAULT_PREFERENCES } from './stored-values.ts'

const INFO = {
  console_url: 'http://127.0.0.1:7481',
  platform: 'linux',
  version: '1.0.0',
  electron: '33.0.0',
  data_dir: '/data',
  setup_code: 'once',
} as const

const handlers = (changes: Partial<BridgeHandlers> = {}): BridgeHandlers => ({
  'app.info': () => INFO,
  'session.load': () => ({ refresh_token: null }),
  'session.save': () => ({ protected: true }),
  'preferences.get': () => DEFAULT_PREFERENCES,
  'preferences.set': (change) => ({ ...DEFAULT_PREFERENCES, ...change }),
  'app.open_help': () => ({ opened: false }),
  ...changes,
})
const unexpectedBug = (error: unknown): never => {
  throw new Error('a bug was reported', { cause: error })
}

describe('a call of the page', () => {
  it("returns the handler's result", async () => {
    expect(await answerCall(handlers(), 'app.info', undefined, unexpectedBug)).toEqual({
      ok: true,
      data: INFO,
    })
    const dark = await answerCall(handlers(), 'preferences.set', { theme: 'dark' }, unexpectedBug)
    expect(dark).toMatchObject({ ok: true, data: { theme: 'dark', notifications: true } })
  })

  it.each(['nothing', '', '__proto__', 'constructor', 'hasOwnProperty', 1, null, {}, ['app.info']])(
    'to an unknown name is refused: %j',
    async (name) => {
      expect(await answerCall(handlers(), name, undefined, unexpectedBug)).toMatchObject({
        ok: false,
        error: { code: 'E_NOT_FOUND' },
      })
    },
  )

  it('with invalid input never reaches its handler', async () => {
    const save = vi.fn(() => ({ protected: true }))
    for (const input of [undefined, null, {}, { refresh_token: 1 }, { refresh_token: '' }])
      expect(
        await answerCall(handlers({ 'session.save': save }), 'session.save', input, unexpectedBug),
      ).toMatchObject({ ok: false, error: { code: 'E_VALIDATION' } })
    expect(save).not.toHaveBeenCalled()
  })

  it('reaches its handler without unknown keys', async () => {
    const set = vi.fn(() => DEFAULT_PREFERENCES)
    const input = { theme: 'dark', evil: true }
    await answerCall(handlers({ 'preferences.set': set }), 'preferences.set', input, unexpectedBug)
    expect(set).toHaveBeenCalledWith({ theme: 'dark' })
  })

  it('that fails as expected keeps its code and message', async () => {
    const locked = () => Promise.reject(new AppError('E_DATA_LOCKED', 'In use.'))
    expect(
      await answerCall(handlers({ 'app.info': locked }), 'app.info', undefined, unexpectedBug),
    ).toEqual({ ok: false, error: { code: 'E_DATA_LOCKED', message: 'In use.' } })
  })

  it('that fails otherwise, or returns an invalid result, is logged without details for the page', async () => {
    const onBug = vi.fn()
    const broken = () => {
      throw new Error('secret inner text')
    }
    const nonsense = (() => ({ refresh_token: 5 })) as unknown as BridgeHandlers['session.load']
    const results = [
      await answerCall(handlers({ 'session.load': broken }), 'session.load', undefined, onBug),
      await answerCall(handlers({ 'session.load': nonsense }), 'session.load', undefined, onBug),
    ]
    for (const result of results) {
      expect(result).toMatchObject({ ok: false, error: { code: 'E_INTERNAL' } })
      expect(JSON.stringify(result)).not.toContain('secret')
    }
    expect(onBug).toHaveBeenCalledTimes(2)
  })
})
