import fs from 'node:fs/promises'
import net from 'node:net'
import { expect, it } from 'vitest'
import { hasDisplay, openDisplay, runWithDisplay } from './with-display.ts'

const headless = { env: {}, platform: 'linux' } as const
const xvfb = await openDisplay(headless).then(
  async (display) => {
    await display.close()
    return true
  },
  () => false,
)

it('detects whether a window can be shown', () => {
  expect(hasDisplay({}, 'linux')).toBe(false)
  expect(hasDisplay({ DISPLAY: ':0' }, 'linux')).toBe(true)
  expect(hasDisplay({ WAYLAND_DISPLAY: 'wayland-0' }, 'linux')).toBe(true)
  expect(hasDisplay({}, 'darwin')).toBe(true)
  expect(hasDisplay({}, 'win32')).toBe(true)
})

it('uses an existing display', async () => {
  const display = await openDisplay({ env: { DISPLAY: ':7' }, platform: 'linux' })
  expect(display).toMatchObject({ env: {}, virtual: false })
})

it.skipIf(!xvfb)('opens several at a time and cleans up after each', async () => {
  const displays = await Promise.all([1, 2, 3].map(() => openDisplay(headless)))
  const names = displays.map((display) => display.env['DISPLAY'])
  expect(new Set(names).size).toBe(3)
  await Promise.all(displays.map((display) => display.close()))
  for (const { env } of displays) {
    await expect(fs.access(env['XAUTHORITY'] ?? '')).rejects.toThrow()
    await expect(fs.access(`/tmp/.X11-unix/X${env['DISPLAY']?.slice(1)}`)).rejects.toThrow()
  }
})

/**
 * The first byte of an X server's reply to a client without a cookie: 0 refused, 1 accepted, 2 authenticate.
 */
async function greet(display: string): Promise<number> {
  const hello = Buffer.from([0x6c, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0])
  const socket = net.connect(`/tmp/.X11-unix/X${display.slice(1)}`)
  socket.write(hello)
  for await (const chunk of socket) return (chunk as Buffer).readUInt8(0)
  throw new Error('no answer')
}

it.skipIf(!xvfb)('refuses clients without the cookie', async () => {
  const display = await openDisplay(headless)
  try {
    expect(await greet(display.env['DISPLAY'] ?? '')).toBe(0)
  } finally {
    await display.close()
  }
})

it.skipIf(!xvfb)('runs a command with it and returns its exit code', async () => {
  const script =
    'process.exit(/^:[0-9]+$/.test(process.env.DISPLAY) && process.env.XAUTHORITY ? 7 : 1)'
  const env = { ...process.env, DISPLAY: '', WAYLAND_DISPLAY: '' }
  const options = { env, platform: 'linux' } as const
  expect(await runWithDisplay(process.execPath, ['-e', script], options)).toBe(7)
  const suicide = 'process.kill(process.pid, "SIGTERM"); setTimeout(() => {}, 5000)'
  expect(await runWithDisplay(process.execPath, ['-e', suicide], options)).toBe(143)
})
