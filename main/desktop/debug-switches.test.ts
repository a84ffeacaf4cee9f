import { describe, expect, it } from 'vitest'
import { refusedSwitch } from './debug-switches.ts'

const start = (given: string, more: { isPackaged?: boolean; isInspected?: boolean } = {}) =>
  refusedSwitch({
    isPackaged: true,
    isInspected: false,
    hasSwitch: (name) => name === given,
    ...more,
  })

describe('a package', () => {
  it.each([
    ...['remote-debugging-port', 'remote-debugging-pipe', 'inspect', 'inspect-brk', 'inspect-wait'],
    ...[
      'js-flags',
      'load-extension',
      'disable-web-security',
      'proxy-server',
      'host-resolver-rules',
    ],
  ])('does not start with --%s', (name) => {
    expect(start(name)).toBe(name)
    // Developers debug from the sources, and specs run a package that was built for them.
    expect(start(name, { isPackaged: false })).toBeNull()
    expect(start(name, { isInspected: true })).toBeNull()
  })

  it.each(['hidden', 'user-data-dir', 'disable-gpu', 'password-store', 'no-sandbox', ''])(
    'starts with --%s',
    (name) => expect(start(name)).toBeNull(),
  )
})
