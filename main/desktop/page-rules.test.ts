import { describe, expect, it } from 'vitest'
import { isPermitted, isReachable } from './page-rules.ts'

const PAGE = 'app://deployx/index.html'

describe('permissions', () => {
  it('are granted to the console only, and only a few', () => {
    expect(isPermitted('clipboard-sanitized-write', PAGE, true)).toBe(true)
    // Chromium asks before a page connects to loopback, where the controller listens.
    expect(isPermitted('loopback-network', PAGE, true)).toBe(true)
    expect(isPermitted('clipboard-sanitized-write', PAGE, false)).toBe(false)
    expect(isPermitted('clipboard-sanitized-write', 'https://example.invalid/', true)).toBe(false)
    for (const permission of [
      'media',
      'geolocation',
      'notifications',
      'clipboard-read',
      'openExternal',
      'fullscreen',
      'local-network',
      'unknown',
    ])
      expect(isPermitted(permission, PAGE, true), permission).toBe(false)
  })
})

describe('requests of the page', () => {
  const console = 'http://127.0.0.1:7481'

  it('reach its own files and the controller', () => {
    for (const address of [
      'app://deployx/assets/x.js',
      'http://127.0.0.1:7481/devices',
      'ws://127.0.0.1:7481/socket.io/?EIO=4',
      'blob:app://deployx/6a1f',
      'data:image/svg+xml,x',
    ])
      expect(isReachable(address, console), address).toBe(true)
  })

  it('reach nothing else, not even another port of this computer', () => {
    for (const address of [
      'http://127.0.0.1:7480/',
      'http://127.0.0.1/',
      'http://localhost:7481/',
      'https://127.0.0.1:7481/',
      'http://127.0.0.1:7481@example.invalid/',
      'https://example.invalid/',
      'wss://example.invalid/',
      'file:///etc/passwd',
      'ftp://127.0.0.1:7481/',
      'chrome-extension://abc/x',
      'not an address',
    ])
      expect(isReachable(address, console), address).toBe(false)
    expect(isReachable('http://127.0.0.1:7481/', null)).toBe(false)
  })
})
