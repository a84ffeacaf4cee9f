/** Installers on macOS: packages, disk images and scripts. */
import { detectOnMacos } from '../../detect/macos.ts'
import { ARCHIVE_KINDS, type PlatformInstallers } from '../installers.ts'
import { prepareScript } from '../script.ts'
import { macosCommand } from './commands.ts'

export const createMacosInstallers = (): PlatformInstallers => ({
  kinds: ['pkg', 'dmg', 'sh', ...ARCHIVE_KINDS],
  prepare: async (job) =>
    job.payload.kind === 'sh' ? prepareScript(job) : macosCommand(job.payload, job.packageFile),
  repair: async () => undefined,
  explain: async () => undefined,
  detect: detectOnMacos,
})
