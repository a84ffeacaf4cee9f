/**
 * The tray icon: three states with different shapes, one status line, and entries to open and quit.
 */
import { join } from 'node:path'
import { Menu, nativeTheme, Tray, type MenuItemConstructorOptions } from 'electron'
import type { Pulse } from './pulse.ts'
import { trayIconFile, trayView, type TrayAction, type TrayEntry } from './tray-view.ts'

export type TrayIcon = ReturnType<typeof showTray>

/** @param iconDir contains the tray's pictures */
export function showTray(deps: {
  iconDir: string
  onAction: (action: TrayAction) => void
  darkBar?: () => boolean
}) {
  const darkBar = deps.darkBar ?? isBarDark
  const fileOf = (pulse: Pulse | null) =>
    join(
      deps.iconDir,
      trayIconFile(pulse ? trayView(pulse).state : 'idle', process.platform, darkBar()),
    )
  let latest: Pulse | null = null
  let shown = { icon: '', menu: '' }
  let tray = make()

  function make(): Tray {
    const made = new Tray(fileOf(latest))
    // macOS opens the menu on a click; elsewhere a click opens the window.
    if (process.platform !== 'darwin') made.on('click', () => deps.onAction({ do: 'open' }))
    return made
  }

  const item = (entry: TrayEntry): MenuItemConstructorOptions => {
    switch (entry.type) {
      case 'separator':
        return { type: 'separator' }
      case 'note':
        return { label: entry.label, enabled: false }
      case 'action':
        return { label: entry.label, click: () => deps.onAction(entry.action) }
    }
  }

  function draw(): void {
    if (!latest || tray.isDestroyed()) return
    const view = trayView(latest)
    const icon = fileOf(latest)
    const menu = JSON.stringify(view.menu)
    if (icon !== shown.icon) tray.setImage(icon)
    tray.setToolTip(view.tooltip)
    // Replacing an open menu would close it under the pointer, so replace it only after changes.
    if (menu !== shown.menu) tray.setContextMenu(Menu.buildFromTemplate(view.menu.map(item)))
    shown = { icon, menu }
  }
  nativeTheme.on('updated', draw)

  return {
    show(pulse: Pulse): void {
      latest = pulse
      draw()
    },
    /** For a tray that started after the app: the icon registers itself only when it is created. */
    remake(): void {
      tray.destroy()
      shown = { icon: '', menu: '' }
      tray = make()
      draw()
    },
    close(): void {
      nativeTheme.off('updated', draw)
      tray.destroy()
    },
  }
}

/** GNOME's and Unity's bars are dark in either theme; elsewhere the bar follows the theme. */
function isBarDark(): boolean {
  if (process.platform === 'linux' && /GNOME|Unity/i.test(process.env['XDG_CURRENT_DESKTOP'] ?? ''))
    return true
  // Since Electron 39; the app's own theme must not affect the icon in the system's bar.
  const system = nativeTheme as { shouldUseDarkColorsForSystemIntegratedUI?: boolean }
  return system.shouldUseDarkColorsForSystemIntegratedUI ?? nativeTheme.shouldUseDarkColors
}
