/**
 * The application menu. Everything in it is also available in the page; the menu adds shortcuts.
 */
import { Menu, type MenuItemConstructorOptions } from 'electron'
import type { z } from 'zod'
import type { BridgeNotes, Theme } from '#shared/contract/bridge.ts'
import { t } from './texts.ts'

export type Page = z.output<BridgeNotes['open.page']>['page']
export type HelpTopic = 'guide' | 'licence'

export type MenuActions = {
  openPage: (page: Page) => void
  theme: () => Theme
  setTheme: (theme: Theme) => void
  /** Topics that this installation has. */
  helpTopics: readonly HelpTopic[]
  openHelp: (topic: HelpTopic) => void
}

const THEMES: Record<Theme, string> = {
  system: t('menu.themeSystem'),
  light: t('menu.themeLight'),
  dark: t('menu.themeDark'),
}
const HELP: Record<HelpTopic, string> = {
  guide: t('menu.guide'),
  licence: t('menu.licence'),
}

/** Pure. `isDeveloping` adds the developer tools. */
export function menuTemplate(
  actions: MenuActions,
  platform: NodeJS.Platform,
  isDeveloping: boolean,
): MenuItemConstructorOptions[] {
  const isMac = platform === 'darwin'
  const separator: MenuItemConstructorOptions = { type: 'separator' }
  const page = (label: string, target: Page, accelerator?: string): MenuItemConstructorOptions => ({
    label,
    ...(accelerator && { accelerator }),
    click: () => actions.openPage(target),
  })
  const settings = page(t('menu.settings'), 'settings', 'CmdOrCtrl+,')

  const appMenu: MenuItemConstructorOptions = {
    label: 'DeployX',
    submenu: [
      { role: 'about' },
      separator,
      settings,
      separator,
      { role: 'services' },
      separator,
      { role: 'hide' },
      { role: 'hideOthers' },
      { role: 'unhide' },
      separator,
      { role: 'quit' },
    ],
  }
  const fileMenu: MenuItemConstructorOptions = {
    label: t('menu.file'),
    submenu: [
      page(t('newDeployment'), 'new-deployment', 'CmdOrCtrl+N'),
      page(t('menu.addPcs'), 'add-devices', 'CmdOrCtrl+Shift+A'),
      separator,
      ...(isMac
        ? [{ role: 'close' } as const]
        : [settings, separator, { role: 'quit', accelerator: 'Ctrl+Q' } as const]),
    ],
  }
  const viewMenu: MenuItemConstructorOptions = {
    label: t('menu.view'),
    submenu: [
      page(t('menu.search'), 'search', 'CmdOrCtrl+K'),
      page(t('menu.sidebar'), 'toggle-sidebar', 'CmdOrCtrl+\\'),
      separator,
      {
        label: t('menu.theme'),
        submenu: (Object.keys(THEMES) as Theme[]).map((theme) => ({
          label: THEMES[theme],
          type: 'radio' as const,
          checked: actions.theme() === theme,
          click: () => actions.setTheme(theme),
        })),
      },
      separator,
      { role: 'reload' },
      // The key that browsers use, beside Ctrl R.
      { role: 'reload', accelerator: 'F5', visible: false, acceleratorWorksWhenHidden: true },
      separator,
      { role: 'resetZoom' },
      { role: 'zoomIn' },
      { role: 'zoomOut' },
      { role: 'togglefullscreen' },
      ...(isDeveloping ? [separator, { role: 'toggleDevTools' } as const] : []),
    ],
  }
  const goMenu: MenuItemConstructorOptions = {
    label: t('menu.go'),
    submenu: [
      page(t('menu.dashboard'), 'dashboard', 'CmdOrCtrl+1'),
      page(t('menu.deployments'), 'deployments', 'CmdOrCtrl+2'),
      page(t('menu.pcs'), 'devices', 'CmdOrCtrl+3'),
      page(t('menu.software'), 'software', 'CmdOrCtrl+4'),
    ],
  }
  const helpMenu: MenuItemConstructorOptions = {
    role: 'help',
    label: t('menu.help'),
    submenu: [
      ...actions.helpTopics.map((topic) => ({
        label: HELP[topic],
        click: () => actions.openHelp(topic),
      })),
      ...(isMac ? [] : [{ role: 'about' } as const]),
    ],
  }
  return [
    ...(isMac ? [appMenu] : []),
    fileMenu,
    { role: 'editMenu' },
    viewMenu,
    goMenu,
    ...(isMac ? [{ role: 'windowMenu' } as const] : []),
    helpMenu,
  ]
}

/** Call it again when something in the menu has changed. */
export function showMenu(actions: MenuActions, isDeveloping: boolean): void {
  Menu.setApplicationMenu(
    Menu.buildFromTemplate(menuTemplate(actions, process.platform, isDeveloping)),
  )
}
