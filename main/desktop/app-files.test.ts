import { sep } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fileOfUrl, isAppUrl, mimeTypeOf, SECURITY_HEADERS } from './app-files.ts'

const DIR = ['', 'app', 'renderer'].join(sep)

describe('addresses of the console', () => {
  it('belong to one host of one scheme', () => {
    expect(isAppUrl('app://deployx/')).toBe(true)
    expect(isAppUrl('app://deployx/index.html#/devices')).toBe(true)
    for (const address of [
      'app://other/',
      'app://deployx.example/',
      'app://deployx@other/',
      'https://deployx/',
      'file:///app/deployx/',
      'data:text/html,app://deployx/',
      'appx://deployx/',
      'deployx',
      '',
    ])
      expect(isAppUrl(address), address).toBe(false)
  })

  it("resolve to files below the console's folder", () => {
    const file = (...parts: string[]) => [DIR, ...parts].join(sep)
    expect(fileOfUrl(DIR, 'app://deployx')).toBe(file('index.html'))
    expect(fileOfUrl(DIR, 'app://deployx/')).toBe(file('index.html'))
    expect(fileOfUrl(DIR, 'app://deployx/index.html?x=1#/devices')).toBe(file('index.html'))
    expect(fileOfUrl(DIR, 'app://deployx/assets/index-D_4-x.js')).toBe(
      file('assets', 'index-D_4-x.js'),
    )
  })

  it('never resolve to anything else', () => {
    for (const path of [
      '%2e%2e/%2e%2e/package.json',
      '..%2fpackage.json',
      '..%5cpackage.json',
      '..\\..\\package.json',
      'assets//x.js',
      'assets/',
      '.env',
      'assets/.hidden',
      'C:/windows/win.ini',
      'index.html::$DATA',
      'index.html%00.js',
      'ä.js',
    ]) {
      const file = fileOfUrl(DIR, `app://deployx/${path}`)
      expect(file === null || file.startsWith(DIR + sep), path).toBe(true)
      expect(file?.includes('..') ?? false, path).toBe(false)
    }
    expect(fileOfUrl(DIR, 'app://deployx/..%2fpackage.json')).toBeNull()
    expect(fileOfUrl(DIR, 'app://other/index.html')).toBeNull()
  })
})

it('serves each file with its type, and unknown ones with none', () => {
  expect(mimeTypeOf('a/index.HTML')).toBe('text/html; charset=utf-8')
  expect(mimeTypeOf('x.woff2')).toBe('font/woff2')
  expect(mimeTypeOf('x.exe')).toBe('application/octet-stream')
  expect(mimeTypeOf('x')).toBe('application/octet-stream')
})

it('allows no inline script or style in the policy', () => {
  const policy = SECURITY_HEADERS['content-security-policy']
  expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/)
  expect(policy).not.toMatch(/unsafe|https:|\*(?=[; ]|$)(?<!127\.0\.0\.1:\*)/)
})
