import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { BridgeResult } from '#shared/contract/bridge.ts'
import { openShell } from './shell.ts'

const INFO = {
  console_url: 'http://127.0.0.1:7481',
  platform: 'linux',
  version: '0.1.0',
  electron: '45.0.0',
  data_dir: '/data',
  setup_code: 'once',
}
let answer: BridgeResult<{ protected: boolean }>
// Stands in for the preload script, which only Electron has.
beforeEach(() =>
  vi.stubGlobal('window', {
    deployx: {
      call: async (name: string) => (name === 'session.save' ? answer : { ok: true, data: INFO }),
      on: () => () => undefined,
    },
  }),
)
afterEach(() => vi.unstubAllGlobals())

it('remembers from the last save whether the refresh token is protected', async () => {
  const shell = await openShell()
  expect(shell.isTokenProtected()).toBeNull()
  answer = { ok: true, data: { protected: false } }
  await shell.saveRefreshToken('token')
  expect(shell.isTokenProtected()).toBe(false)
  answer = { ok: true, data: { protected: true } }
  await shell.saveRefreshToken('token')
  expect(shell.isTokenProtected()).toBe(true)
})

it('reports unknown protection when the desktop shell fails to save', async () => {
  const shell = await openShell()
  answer = { ok: false, error: { code: 'E_INTERNAL', message: '' } }
  await shell.saveRefreshToken('token')
  expect(shell.isTokenProtected()).toBeNull()
})
