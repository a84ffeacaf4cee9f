/** The tray icon: three states told apart by shape, one line of state, and the ways in and out. */
import { join } from 'node:path'
import { Menu, nativeTheme, Tray, type MenuItemConstructorOptions } from 'electron'
import type { Pulse } from './pulse.ts'
import { trayIconFile, trayView, type TrayAction, type TrayEntry } from './tray-view.ts'

export type TrayIcon = ReturnType<typeof showTray>

/** @param iconDir holds the tray's pictures */
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
    // macOS opens the menu at a click; elsewhere a click is the quick way to the window.
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
    // A menu that is open would close under the pointer: it is replaced only when it says something new.
    if (menu !== shown.menu) tray.setContextMenu(Menu.buildFromTemplate(view.menu.map(item)))
    shown = { icon, menu }
  }
  nativeTheme.on('updated', draw)

  return {
    show(pulse: Pulse): void {
      latest = pulse
      draw()
    },
    /** For a tray that came up after the app: the icon registers itself only when it is made. */
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

/** GNOME's and Unity's bars are dark in either theme; elsewhere the bar goes with the theme. */
function isBarDark(): boolean {
  if (process.platform === 'linux' && /GNOME|Unity/i.test(process.env['XDG_CURRENT_DESKTOP'] ?? ''))
    return true
  // Since Electron 39; the app's own theme must not decide over the system's bar.
  const system = nativeTheme as { shouldUseDarkColorsForSystemIntegratedUI?: boolean }
  return system.shouldUseDarkColorsForSystemIntegratedUI ?? nativeTheme.shouldUseDarkColors
}
