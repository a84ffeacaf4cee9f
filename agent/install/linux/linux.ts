/** Installers on Linux: deb, rpm, shell scripts and AppImages. */
import { coded } from '#shared/domain/coded-texts/codes.ts'
import { join } from 'node:path'
import { detectOnLinux } from '../../detect/linux.ts'
import {
  ARCHIVE_KINDS,
  impossible,
  type PlatformInstallers,
  type Job,
  type Prepared,
} from '../installers.ts'
import { noRemoval, prepareScript } from '../script.ts'
import { findProgram, removeHalfInstalled } from './deb.ts'
import { prepareDeb } from './prepare-deb.ts'
import { prepareRpm } from './rpm.ts'

/** Where AppImages are installed; a `file` rule for one refers to this folder. */
export const APPIMAGE_FOLDER = '/opt/appimages'
/** A failed copy leaves the previous file, and no partial file under the final name. */
const PUT_APPIMAGE = `install -D -m 0755 -- "$1" "$2" && mv -fT -- "$2" "$3" && exit
rm -f -- "$2"
exit 1`
const needsRoot = (what: 'deb' | 'rpm' | 'appimage'): Prepared =>
  impossible('permission', coded(`${what}_needs_root`, {}))

export function createLinuxInstallers(options: {
  installRoot: string | null
  isRoot: boolean
}): PlatformInstallers {
  const { installRoot, isRoot } = options
  const mayChangePc = isRoot || installRoot !== null

  async function prepareInstalled(job: Job): Promise<Prepared> {
    const isDeb = job.payload.kind === 'deb'
    const kind = isDeb ? 'deb' : 'rpm'
    const tool = isDeb ? 'dpkg' : 'rpm'
    if (findProgram(tool) === null)
      return impossible('install_failed', coded('tool_missing', { tool, kind }))
    // rpm installs into another root with chroot(2), which only root may use.
    if (!(isDeb ? mayChangePc : isRoot)) return needsRoot(kind)
    return isDeb ? prepareDeb(job, installRoot) : prepareRpm(job, installRoot)
  }

  function prepareAppImage({ payload, packageFile }: Job): Prepared {
    if (!mayChangePc) return needsRoot('appimage')
    const name = payload.file_name.split(/[\\/]/).at(-1) ?? ''
    if (!/^[^.\0][^\0]*$/.test(name))
      return impossible('install_failed', coded('appimage_bad_name', {}))
    const folder = join(installRoot ?? '/', APPIMAGE_FOLDER)
    const target = join(folder, name)
    const command =
      packageFile === null
        ? { file: 'rm', args: ['-f', '--', target] }
        : {
            file: '/bin/sh',
            args: ['-c', PUT_APPIMAGE, 'sh', packageFile, join(folder, '.incoming'), target],
          }
    return { ok: true, command: { ...command, verbatim: false }, before: null }
  }

  return {
    kinds: ['deb', 'rpm', 'sh', 'appimage', ...ARCHIVE_KINDS],
    async prepare(job) {
      switch (job.payload.kind) {
        case 'deb':
        case 'rpm':
          return prepareInstalled(job)
        case 'appimage':
          return prepareAppImage(job)
        case 'sh':
          return prepareScript(
            job,
            installRoot === null ? {} : { DEPLOYX_INSTALL_ROOT: installRoot },
          )
        case 'zip':
        case 'tar':
          return noRemoval()
        default:
          return impossible(
            'install_failed',
            coded('wrong_system', { kind: job.payload.kind, system: 'Linux' }),
          )
      }
    },
    async repair({ payload }, before, appendOutput) {
      if (payload.kind === 'deb' && payload.action === 'install')
        await removeHalfInstalled(before, installRoot, appendOutput)
    },
    explain: async () => undefined,
    detect: (rule) => detectOnLinux(rule, installRoot),
  }
}
