import { expect, it } from 'vitest'
import { cacheDir } from './cache-dir.ts'

it.each([
  ['linux', {}, '/home/anna/.cache/deployx'],
  ['linux', { XDG_CACHE_HOME: '/var/cache/anna' }, '/var/cache/anna/deployx'],
  ['linux', { XDG_CACHE_HOME: 'relative' }, '/home/anna/.cache/deployx'],
  ['darwin', {}, '/home/anna/Library/Caches/deployx'],
] as const)('on %s with %o it is %s', (platform, env, expected) => {
  expect(cacheDir({ platform, env, home: '/home/anna' })).toBe(expected)
})

it('is in the local application data on Windows', () => {
  const home = 'C:\\Users\\anna'
  expect(cacheDir({ platform: 'win32', env: { LOCALAPPDATA: 'D:\\Local' }, home })).toBe(
    'D:\\Local\\deployx\\Cache',
  )
  expect(cacheDir({ platform: 'win32', env: {}, home })).toBe(
    'C:\\Users\\anna\\AppData\\Local\\deployx\\Cache',
  )
})
