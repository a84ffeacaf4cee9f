import pino from 'pino'
import { describe, expect, it, vi } from 'vitest'
import { AppError, type PlainErrorCode } from '#shared/contract/errors.ts'
import type { Controller, ControllerOptions } from '../controller/compose/index.ts'
import { explainFailure, readSettings, startOnFreePorts, recoveryChoices } from './start-up.ts'

describe('settings', () => {
  it("default to the product's ports and folder", () => {
    expect(readSettings({}, '/home/anna/.config/DeployX')).toEqual({
      dataDir: '/home/anna/.config/DeployX/data',
      hubPort: 7480,
      consolePort: 7481,
      logLevel: 'info',
      unattended: false,
    })
  })

  it('come from the environment', () => {
    const env = { DEPLOYX_DATA: '/d', DEPLOYX_HUB_PORT: '0', DEPLOYX_CONSOLE_PORT: '8000' }
    expect(readSettings(env, '/u')).toMatchObject({ dataDir: '/d', hubPort: 0, consolePort: 8000 })
  })

  it.each(['x', '-1', '65536', '1.5', '7480 '])('refuse the port %j and name it', (port) => {
    expect(() => readSettings({ DEPLOYX_HUB_PORT: port }, '/u')).toThrow(/^DEPLOYX_HUB_PORT takes/)
  })

  it('refuse an unknown log level', () => {
    expect(() => readSettings({ DEPLOYX_LOG_LEVEL: 'loud' }, '/u')).toThrow(/DEPLOYX_LOG_LEVEL/)
  })
})

describe('starting on free ports', () => {
  const options = {
    hubPort: 7480,
    consolePort: 7481,
    log: pino({ level: 'silent' }),
  } as ControllerOptions
  const taken = new AppError('E_PORT_IN_USE', 'The port is taken.')
  const up = {} as Controller

  it('uses any other port for the console if its own is taken', async () => {
    const start = vi.fn((given: ControllerOptions) =>
      given.consolePort === 0 ? Promise.resolve(up) : Promise.reject(taken),
    )
    expect(await startOnFreePorts(start, options)).toBe(up)
    expect(start.mock.calls.map(([given]) => [given.hubPort, given.consolePort])).toEqual([
      [7480, 7481],
      [7480, 0],
    ])
  })

  it("reports that the hub's port is taken, without a third try", async () => {
    const start = vi.fn(() => Promise.reject(taken))
    await expect(startOnFreePorts(start, options)).rejects.toBe(taken)
    expect(start).toHaveBeenCalledTimes(2)
  })

  it('does not retry for any other reason', async () => {
    const locked = new AppError('E_DATA_LOCKED', 'In use.')
    const start = vi.fn(() => Promise.reject(locked))
    await expect(startOnFreePorts(start, options)).rejects.toBe(locked)
    expect(start).toHaveBeenCalledOnce()
  })
})

describe('the start-up error', () => {
  it("explains what to do about the hub's port", () => {
    const cause = Object.assign(new Error('listen'), { code: 'EADDRINUSE' })
    const error = new AppError('E_PORT_IN_USE', 'inner', [], { cause })
    const { text } = explainFailure(error, 7480)
    expect(text).toContain('Another program uses port 7480')
    expect(text).toContain('DEPLOYX_HUB_PORT')
  })

  it('keeps the message of every other known failure, and names an unknown one', () => {
    expect(explainFailure(new AppError('E_DATABASE_CORRUPT', 'Damaged.'), 1).text).toBe('Damaged.')
    expect(explainFailure(new AppError('E_PORT_IN_USE', 'Not allowed (EACCES).'), 1).text).toBe(
      'Not allowed (EACCES).',
    )
    expect(explainFailure(new Error('boom'), 1).text).toBe('An unexpected error: boom')
    expect(explainFailure('text', 1).text).toBe('An unexpected error: text')
  })
})

describe('a refusal that the user can resolve', () => {
  it('offers to start over, and to continue with older data if there is some', () => {
    const labels = (code: PlainErrorCode) =>
      recoveryChoices(new AppError(code, 'x')).map(({ label }) => label)
    expect(labels('E_DATABASE_BEHIND')).toEqual(['Continue with older data', 'Start over'])
    for (const code of ['E_DATA_INCOMPLETE', 'E_KEYS_DAMAGED', 'E_DATABASE_CORRUPT'] as const)
      expect(labels(code)).toEqual(['Start over'])
    for (const code of ['E_DATA_LOCKED', 'E_PORT_IN_USE', 'E_DATA_OWNER'] as const)
      expect(labels(code)).toEqual([])
    expect(recoveryChoices(new Error('x'))).toEqual([])
  })

  it('names buttons instead of command-line options', () => {
    const error = new AppError(
      'E_DATABASE_BEHIND',
      'Lost. To restore, start with --start-over now. Or start with --accept-older-database.',
    )
    const { text } = explainFailure(error, 1)
    expect(text).toBe(
      'Lost. To restore, choose Start over now. Or choose Continue with older data.',
    )
  })
})
