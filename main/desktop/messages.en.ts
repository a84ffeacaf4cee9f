/** English texts of the desktop app: tray, menu, dialogs and notifications. Syntax: shared/domain/templates.ts. */
export const en = {
  quit: 'Quit',
  newDeployment: 'New deployment',
  pcs: {
    none: 'no PCs yet',
    online: '{online} of {n} PC online | {online} of {n} PCs online',
    waiting: '{n} PC waits for approval | {n} PCs wait for approval',
  },
  tray: {
    open: 'Open DeployX',
    hub: 'Controller {address} · {pcs}',
    running: '{n} deployment runs | {n} deployments run',
    failed: '{n} has failures | {n} have failures',
    paused: '{n} paused by failures',
    progress: '{name} {ended}/{total}',
    deploymentFailed: '{name}: {failed} failed',
    deploymentPaused: '{name}: paused, {failed} failed',
    more: 'and {n} more',
  },
  counts: {
    completed: '{n} completed',
    failed: '{n} failed',
    skipped: '{n} skipped',
    nothingInstalled: 'nothing was installed',
    nothingRemoved: 'nothing was removed',
  },
  notice: {
    cancelled: 'Cancelled: {counts}',
    removal: 'Removal: {counts}',
    removalCancelled: 'Removal cancelled: {counts}',
    paused: 'Paused: {message} Open it to resume or cancel.',
    keepsRunning: 'DeployX keeps running',
    inTray:
      'The controller keeps running. To open the window or to quit, use the icon in the tray.',
    inMenuBar:
      'The controller keeps running. To open the window or to quit, use the icon in the menu bar.',
  },
  quitting: {
    question:
      '{n} installation or removal is running. Quit DeployX? | {n} installations or removals are running. Quit DeployX?',
    detail:
      'A running installer continues there, and its result arrives when DeployX starts again. Nothing new starts until then. | Running installers continue, and their results arrive when DeployX starts again. Nothing new starts until then.',
    stay: 'Keep running',
  },
  windowBroken:
    'The window crashed several times and was not reloaded. The controller keeps running. To open the window again, quit DeployX and start it.',
  menu: {
    file: '&File',
    view: '&View',
    go: '&Go',
    help: '&Help',
    settings: 'Settings…',
    addPcs: 'Add PCs',
    search: 'Search',
    sidebar: 'Toggle sidebar',
    theme: 'Theme',
    themeSystem: 'Same as system',
    themeLight: 'Light',
    themeDark: 'Dark',
    dashboard: 'Dashboard',
    deployments: 'Deployments',
    pcs: 'PCs',
    software: 'Software',
    guide: 'Guide',
    licence: 'Licence',
  },
  helpFile: {
    guide: 'DeployX guide.txt',
    licence: 'DeployX licence.txt',
  },
  start: {
    failed: 'DeployX cannot start',
    unexpected: 'An unexpected error: {reason}',
    portTaken:
      'Another program uses port {port}, where agents expect this controller. Close that program (it may be another DeployX) and start again, or set DEPLOYX_HUB_PORT to a free port; agents must then be enrolled again.',
    over: 'Start over',
    withOlderData: 'Continue with older data',
    choose: 'choose {choice}',
  },
} as const
