import { expect, it } from 'vitest'
import type { ResolveOptions, ResolveSteps } from './resolve.ts'
import { ElectronUnavailableError, resolveElectron } from './resolve.ts'
import type { Runtime } from './runtime-files.ts'

const official: Runtime = { executable: '/official', version: '45.0.0', origin: 'official' }
const fallback: Runtime = { executable: '/old', version: '33.2.1', origin: 'registry-fallback' }

/**
 * Steps that record their order. By default nothing is installed, the release is unavailable and the fallback
 * works.
 */
function scene(changes: Partial<ResolveSteps> = {}) {
  const calls: string[] = []
  const progress: string[] = []
  const noted = <T>(name: string, step: () => Promise<T>) => {
    return async () => {
      calls.push(name)
      return await step()
    }
  }
  const steps: ResolveSteps = {
    installed: noted('installed', changes.installed ?? (async () => null)),
    official: noted(
      'official',
      changes.official ?? (async () => Promise.reject(new Error('release host is unreachable'))),
    ),
    obstacle: changes.obstacle ?? (() => null),
    fallback: noted('fallback', changes.fallback ?? (async () => fallback)),
    adapt: async (runtime) => void calls.push(`adapt ${runtime.origin}`),
  }
  const resolve = (options: Omit<ResolveOptions, 'steps'>) =>
    resolveElectron({ env: {}, onProgress: (text) => progress.push(text), ...options, steps })
  return { calls, progress, resolve }
}

it('uses the installed runtime without a download', async () => {
  const { calls, resolve } = scene({ installed: async () => official })
  await expect(resolve({ fallback: 'deny' })).resolves.toEqual(official)
  expect(calls).toEqual(['installed', 'adapt official'])
})

it('prefers the release', async () => {
  const { calls, resolve } = scene({ official: async () => official })
  await expect(resolve({ fallback: 'allow' })).resolves.toEqual(official)
  expect(calls).toEqual(['installed', 'official', 'adapt official'])
})

it('never falls back without permission', async () => {
  const { calls, resolve } = scene()
  const attempt = resolve({ fallback: 'deny' })
  await expect(attempt).rejects.toThrow(ElectronUnavailableError)
  await expect(attempt).rejects.toMatchObject({
    message: 'release host is unreachable',
    hint: expect.stringContaining('DEPLOYX_ELECTRON_FALLBACK=1') as string,
  })
  expect(calls).toEqual(['installed', 'official'])
})

it('does not return a fallback that an earlier test run installed', async () => {
  const { calls, resolve } = scene({ installed: async () => fallback })
  await expect(resolve({ fallback: 'deny' })).rejects.toThrow(ElectronUnavailableError)
  expect(calls).toEqual(['installed', 'official'])
})

it('replaces it with the release if that is available', async () => {
  const { resolve } = scene({ installed: async () => fallback, official: async () => official })
  await expect(resolve({ fallback: 'deny' })).resolves.toEqual(official)
})

it('falls back with permission after the release failed, and reports it', async () => {
  const { calls, progress, resolve } = scene()
  await expect(resolve({ fallback: 'allow' })).resolves.toEqual(fallback)
  expect(calls).toEqual(['installed', 'official', 'fallback', 'adapt registry-fallback'])
  expect(progress.join('\n')).toMatch(/release host is unreachable[^]*not for users/)
})

it('reads the permission from the environment, by its exact value', async () => {
  const one = scene()
  await expect(
    one.resolve({ fallback: 'deny', env: { DEPLOYX_ELECTRON_FALLBACK: '1' } }),
  ).resolves.toEqual(fallback)
  const zero = scene()
  await expect(
    zero.resolve({ fallback: 'deny', env: { DEPLOYX_ELECTRON_FALLBACK: '0' } }),
  ).rejects.toThrow(ElectronUnavailableError)
})

it('uses an installed fallback without a download where it is allowed', async () => {
  const { calls, resolve } = scene({ installed: async () => fallback })
  await expect(resolve({ fallback: 'allow' })).resolves.toEqual(fallback)
  expect(calls).toEqual(['installed', 'adapt registry-fallback'])
})

it('reports both reasons on a platform without a fallback', async () => {
  const { calls, resolve } = scene({ obstacle: () => 'this is a Mac' })
  await expect(resolve({ fallback: 'allow' })).rejects.toThrow(
    'release host is unreachable; this is a Mac',
  )
  expect(calls).not.toContain('fallback')
})

it('reports a failed fallback as the same type of error', async () => {
  const { resolve } = scene({ fallback: async () => Promise.reject(new Error('disk is full')) })
  const attempt = resolve({ fallback: 'allow' })
  await expect(attempt).rejects.toThrow(ElectronUnavailableError)
  await expect(attempt).rejects.toThrow('disk is full')
})
