/** Installers on macOS: packages and disk images. */
import { detectOnMacos } from '../../detect/macos.ts'
import type { Installers } from '../installers.ts'
import { macosCommand } from './commands.ts'

export const createMacosInstallers = (): Installers => ({
  kinds: ['pkg', 'dmg'],
  needsPackage: ({ action }) => action === 'install',
  prepare: async ({ payload, packageFile }) => macosCommand(payload, packageFile),
  repair: async () => undefined,
  explain: async () => undefined,
  detect: detectOnMacos,
})
