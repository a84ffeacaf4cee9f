/**
 * Switches by which another program on the computer inspects or controls the app's pages. The
 * package refuses to start with them, because its window holds the user's session. Pure.
 */

/** chromium.org/developers and electronjs.org/docs/latest/api/command-line-switches. */
const REFUSED = [
  'remote-debugging-port',
  'remote-debugging-pipe',
  'remote-debugging-address',
  'remote-debugging-socket-name',
  'remote-debugging-targets',
  'remote-allow-origins',
  'auto-open-devtools-for-tabs',
  'inspect',
  'inspect-brk',
  'inspect-brk-node',
  'inspect-wait',
  'inspect-port',
  'debug',
  'debug-brk',
  'debug-port',
  'wait-for-debugger',
  'wait-for-debugger-children',
  'js-flags',
  'load-extension',
  'disable-extensions-except',
  'disable-web-security',
  'allow-running-insecure-content',
  'unsafely-treat-insecure-origin-as-secure',
  'ignore-certificate-errors',
  'ignore-certificate-errors-spki-list',
  'host-rules',
  'host-resolver-rules',
  'proxy-server',
  'proxy-pac-url',
  'renderer-cmd-prefix',
  'renderer-startup-dialog',
  'utility-cmd-prefix',
  'gpu-launcher',
  'browser-subprocess-path',
] as const

/**
 * @param isInspected Node's inspector is listening: possible only in the test package, whose fuse
 * for it is on
 * @returns the switch, or null if the app may start
 */
export function refusedSwitch(app: {
  isPackaged: boolean
  isInspected: boolean
  hasSwitch: (name: string) => boolean
}): string | null {
  if (!app.isPackaged || app.isInspected) return null
  return REFUSED.find((name) => app.hasSwitch(name)) ?? null
}
