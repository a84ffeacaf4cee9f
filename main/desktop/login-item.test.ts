import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { autostartFile, desktopEntry, setOpenAtLogin } from './login-item.ts'

let folder: string
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'deployx-login-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

it('is an entry in the list of Windows and macOS', () => {
  const app = { setLoginItemSettings: vi.fn() }
  for (const platform of ['win32', 'darwin'] as const)
    setOpenAtLogin(true, { app, command: ['x'], platform, env: { XDG_CONFIG_HOME: folder } })
  expect(app.setLoginItemSettings).toHaveBeenCalledTimes(2)
  expect(app.setLoginItemSettings).toHaveBeenCalledWith({ openAtLogin: true, args: ['--hidden'] })
  expect(existsSync(join(folder, 'autostart'))).toBe(false)
})

it('is a file on Linux, which can be removed', () => {
  const app = { setLoginItemSettings: vi.fn() }
  const env = { XDG_CONFIG_HOME: folder }
  const deps = { app, command: ['/opt/Deploy X/deployx'], platform: 'linux', env } as const
  setOpenAtLogin(true, deps)
  const file = autostartFile(env)
  expect(readFileSync(file, 'utf8')).toContain('Exec="/opt/Deploy X/deployx" "--hidden"\n')
  setOpenAtLogin(false, deps)
  setOpenAtLogin(false, deps)
  expect(existsSync(file)).toBe(false)
  expect(app.setLoginItemSettings).not.toHaveBeenCalled()
})

it('is in the folder that the specification defines', () => {
  expect(autostartFile({ HOME: '/home/anna' })).toBe('/home/anna/.config/autostart/deployx.desktop')
  expect(autostartFile({ HOME: '/home/anna', XDG_CONFIG_HOME: 'relative' })).toBe(
    '/home/anna/.config/autostart/deployx.desktop',
  )
})

it('quotes special characters', () => {
  expect(desktopEntry(['/a b', '50%', '$HOME', 'back\\slash', '"`'])).toContain(
    String.raw`Exec="/a b" "50%%" "\\$HOME" "back\\\\slash" "\\"\\` + '`"\n',
  )
})
