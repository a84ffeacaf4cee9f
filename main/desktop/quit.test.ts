import pino from 'pino'
import { expect, it, vi } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { createQuitter } from './quit.ts'

function setUp(changes: Partial<Parameters<typeof createQuitter>[0]> = {}) {
  const exit = vi.fn()
  const stop = vi.fn(() => Promise.resolve())
  const confirm = vi.fn(() => Promise.resolve(true))
  const log = pino({ level: 'silent' })
  const quitter = createQuitter({ confirm, stop, exit, log, clock: systemClock, ...changes })
  return { quitter, exit, stop, confirm }
}

it('stops, then ends with 0', async () => {
  const { quitter, exit, stop } = setUp()
  await quitter.quit(true)
  expect(stop).toHaveBeenCalledOnce()
  expect(exit).toHaveBeenCalledExactlyOnceWith(0)
  expect(quitter.isQuitting()).toBe(true)
})

it('continues if the user cancels, and can be asked again', async () => {
  const answers = [false, true]
  const { quitter, exit } = setUp({ confirm: () => Promise.resolve(answers.shift()!) })
  await quitter.quit(true)
  expect(exit).not.toHaveBeenCalled()
  expect(quitter.isQuitting()).toBe(false)
  await quitter.quit(true)
  expect(exit).toHaveBeenCalledExactlyOnceWith(0)
})

it('asks once, however often it is called', async () => {
  let answer: (isConfirmed: boolean) => void = () => undefined
  const confirm = vi.fn(() => new Promise<boolean>((resolve) => (answer = resolve)))
  const { quitter, exit, stop } = setUp({ confirm })
  const first = quitter.quit(true)
  await quitter.quit(true)
  expect(confirm).toHaveBeenCalledOnce()
  answer(true)
  await first
  await quitter.quit(true)
  expect(stop).toHaveBeenCalledOnce()
  expect(exit).toHaveBeenCalledOnce()
})

it('does not wait for an answer when a signal arrives', async () => {
  const never = () => new Promise<boolean>(() => undefined)
  const { quitter, exit, stop } = setUp({ confirm: never })
  void quitter.quit(true)
  await quitter.quit(false)
  expect(stop).toHaveBeenCalledOnce()
  expect(exit).toHaveBeenCalledExactlyOnceWith(0)
})

it('exits with 1 if stopping fails or takes too long', async () => {
  const failing = setUp({ stop: () => Promise.reject(new Error('no')) })
  await failing.quitter.quit(false)
  expect(failing.exit).toHaveBeenCalledExactlyOnceWith(1)

  const hanging = setUp({ stop: () => new Promise(() => undefined), limitMs: 20 })
  await hanging.quitter.quit(false)
  expect(hanging.exit).toHaveBeenCalledExactlyOnceWith(1)
})
