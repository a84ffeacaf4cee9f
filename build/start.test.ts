import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { readStartOptions, windowObstacle } from './start.ts'

describe('options of npm start', () => {
  it('reach the app through its environment and the headless controller unchanged', () => {
    const options = readStartOptions(['--data', '/d', '--hub-port=0', '--console-port', '8000'])
    expect(options.env).toEqual({
      DEPLOYX_DATA: '/d',
      DEPLOYX_HUB_PORT: '0',
      DEPLOYX_CONSOLE_PORT: '8000',
    })
    expect(options.serveArgs).toEqual(['--data', '/d', '--hub-port', '0', '--console-port', '8000'])
    expect(options.serveOnly).toEqual([])
  })

  it('are marked if they apply to the headless controller only', () => {
    const options = readStartOptions(['--json', '--host', '0.0.0.0', '--allow-electron-fallback'])
    expect(options.serveArgs).toEqual(['--json', '--host', '0.0.0.0'])
    expect(options.serveOnly).toEqual(['--json', '--host'])
    expect(options).toMatchObject({ allowFallback: true, env: {} })
  })

  it.each([['--bogus'], ['word'], ['--data'], ['--hub-port', '70000'], ['--console-port', 'x']])(
    'are reported by name if they are wrong: %s %s',
    (...args) => {
      expect(() => readStartOptions(args.filter(Boolean))).toThrow()
    },
  )
})

describe('a window', () => {
  it('needs nothing more on Windows and macOS', async () => {
    expect(await windowObstacle({}, 'win32', undefined)).toBeNull()
    expect(await windowObstacle({}, 'darwin', 501)).toBeNull()
  })

  it('needs a display on Linux', async () => {
    expect(await windowObstacle({}, 'linux', 1000)).toBe('there is no display')
  })

  it('is not opened for root', async () => {
    expect(await windowObstacle({ DISPLAY: ':0' }, 'linux', 0)).toMatch(/root.*ordinary user/)
  })

  it('needs a display that answers', async () => {
    // No display has such a number.
    expect(await windowObstacle({ DISPLAY: ':64999' }, 'linux', 1000)).toBe(
      'the display :64999 does not answer',
    )
    expect(await windowObstacle({ WAYLAND_DISPLAY: 'wayland-0' }, 'linux', 1000)).toBeNull()
  })

  it("can be on another computer's display", async () => {
    const server = createServer()
    const port = await new Promise<number | null>((resolve) => {
      // Displays use ports from 6000 on.
      let next = 6_100
      server.on('error', () => (next < 6_200 ? server.listen(next++, '127.0.0.1') : resolve(null)))
      server.on('listening', () => resolve(next - 1))
      server.listen(next++, '127.0.0.1')
    })
    expect(port).not.toBeNull()
    const display = `127.0.0.1:${Number(port) - 6_000}.0`
    try {
      expect(await windowObstacle({ DISPLAY: display }, 'linux', 1000)).toBeNull()
    } finally {
      server.close()
    }
  })
})
