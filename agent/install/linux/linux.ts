/** Installers on Linux: deb, rpm, shell scripts and AppImages. */
import { join } from 'node:path'
import { detectOnLinux, RPM_NAME, rpmRemovalName } from '../../detect/linux.ts'
import {
  ARCHIVE_KINDS,
  impossible,
  type PlatformInstallers,
  type Job,
  type Prepared,
} from '../installers.ts'
import { firstBytes, noRemoval, prepareScript } from '../script.ts'
import {
  debInstallCommand,
  debNameOf,
  debRemovalName,
  debRemoveCommand,
  debStates,
  findProgram,
  prepareRoot,
  removeHalfInstalled,
} from './deb.ts'

/** Where AppImages are put; a `file` rule for one names this folder. */
export const APPIMAGE_FOLDER = '/opt/appimages'
/** A copy that breaks off leaves the one that was there, and none that would be taken for the whole. */
const PUT_APPIMAGE = `install -D -m 0755 -- "$1" "$2" && mv -fT -- "$2" "$3" && exit
rm -f -- "$2"
exit 1`
/** Every RPM package begins so (rpm's lead). rpm itself would read anything else as a list of packages. */
const RPM_MAGIC = 'edabeedb'

const needsRoot = (what: string): Prepared =>
  impossible('permission', `${what} needs root: run the agent as root on this PC.`)

export function createLinuxInstallers(options: {
  installRoot: string | null
  isRoot: boolean
}): PlatformInstallers {
  const { installRoot, isRoot } = options
  const mayChangePc = isRoot || installRoot !== null

  async function prepareDeb({ payload, packageFile }: Job): Promise<Prepared> {
    if (findProgram('dpkg') === null)
      return impossible('install_failed', 'This PC has no dpkg: it cannot take .deb packages.')
    if (!mayChangePc) return needsRoot('A .deb package')
    const hasApt = findProgram('apt-get') !== null
    if (installRoot !== null) prepareRoot(installRoot)
    if (packageFile === null) {
      const name =
        payload.detection?.type === 'dpkg'
          ? await debRemovalName(payload.detection, installRoot)
          : null
      return name === null
        ? impossible(
            'install_failed',
            'Removing a .deb package needs its name in the detection rule.',
          )
        : {
            ok: true,
            command: debRemoveCommand({ name, argv: payload.argv, installRoot, hasApt }),
            before: null,
          }
    }
    const name = await debNameOf(packageFile)
    if (name === null)
      return impossible('install_failed', 'The file is not a readable .deb package.')
    const states = await debStates(name, installRoot)
    return {
      ok: true,
      command: debInstallCommand({ packageFile, argv: payload.argv, installRoot, hasApt }),
      before: {
        package_name: name,
        was_installed: (states ?? []).some((state) => state.status === 'installed'),
      },
    }
  }

  async function prepareRpm({ payload, packageFile }: Job): Promise<Prepared> {
    if (findProgram('rpm') === null)
      return impossible('install_failed', 'This PC has no rpm: it cannot take .rpm packages.')
    // rpm goes into another root by chroot(2), which only root may do.
    if (!isRoot) return needsRoot('An .rpm package')
    const root = installRoot === null ? [] : ['--root', installRoot, '--nodeps', '--noscripts']
    if (packageFile === null) {
      const name =
        payload.detection?.type === 'rpm'
          ? await rpmRemovalName(payload.detection, installRoot)
          : ''
      return RPM_NAME.test(name)
        ? {
            ok: true,
            command: { file: 'rpm', args: [...root, ...payload.argv, '-e', name], verbatim: false },
            before: null,
          }
        : impossible(
            'install_failed',
            'Removing an .rpm package needs its name in the detection rule.',
          )
    }
    if ((await firstBytes(packageFile, 4)).toString('hex') !== RPM_MAGIC)
      return impossible('install_failed', 'The file is not an .rpm package.')
    return {
      ok: true,
      command: {
        file: 'rpm',
        args: [...root, ...payload.argv, '-U', packageFile],
        verbatim: false,
      },
      before: null,
    }
  }

  function prepareAppImage({ payload, packageFile }: Job): Prepared {
    if (!mayChangePc) return needsRoot('An AppImage for all users')
    const name = payload.file_name.split(/[\\/]/).at(-1) ?? ''
    if (!/^[^.\0][^\0]*$/.test(name))
      return impossible('install_failed', 'The AppImage has no usable file name.')
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
          return prepareDeb(job)
        case 'rpm':
          return prepareRpm(job)
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
            `A .${job.payload.kind} installer does not run on Linux.`,
          )
      }
    },
    async repair({ payload }, before, say) {
      if (payload.kind === 'deb' && payload.action === 'install')
        await removeHalfInstalled(before, installRoot, say)
    },
    explain: async () => undefined,
    detect: (rule) => detectOnLinux(rule, installRoot),
  }
}
