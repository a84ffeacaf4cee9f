import os from 'node:os'
import path from 'node:path'

interface CacheDirContext {
  platform: NodeJS.Platform
  env: NodeJS.ProcessEnv
  home: string
}

/**
 * Per-user cache folder of DeployX's build tools, outside `node_modules` so that `npm ci` does not empty it.
 * Follows the XDG base directory specification on Linux, `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on
 * Windows. This function does not create it.
 */
export function cacheDir(context: Partial<CacheDirContext> = {}): string {
  const { platform, env, home } = {
    platform: process.platform,
    env: process.env,
    home: os.homedir(),
    ...context,
  }
  const paths = platform === 'win32' ? path.win32 : path.posix
  switch (platform) {
    case 'win32':
      return paths.join(
        env['LOCALAPPDATA'] || paths.join(home, 'AppData', 'Local'),
        'deployx',
        'Cache',
      )
    case 'darwin':
      return paths.join(home, 'Library', 'Caches', 'deployx')
    default: {
      // The specification says to ignore a relative path in XDG_CACHE_HOME.
      const xdg = env['XDG_CACHE_HOME']
      return paths.join(xdg && paths.isAbsolute(xdg) ? xdg : paths.join(home, '.cache'), 'deployx')
    }
  }
}
