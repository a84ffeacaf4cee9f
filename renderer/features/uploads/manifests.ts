/** Manifests that are dropped with installers: they describe an installer and are never run. Pure. */
import { kindOfFileName } from '#shared/domain/platforms.ts'

/** As many as the controller reads with one file. */
export const MANIFEST_LIMIT = 8
const MANIFEST = /\.(?:ya?ml|nuspec|pkginfo|plist|xml)$/i
export const MANIFEST_EXTENSIONS = ['.yaml', '.yml', '.nuspec', '.pkginfo', '.plist', '.xml']
/** The script of a Chocolatey package comes with its .nuspec; by itself, a script is an installer. */
const CHOCOLATEY_SCRIPT = /^chocolatey(?:before)?(?:un)?install(?:modify)?\.ps1$/i

type Named = { name: string }

export function splitManifests<T extends Named>(
  files: readonly T[],
): { installers: T[]; manifests: T[] } {
  const hasNuspec = files.some(({ name }) => /\.nuspec$/i.test(name))
  const isManifest = ({ name }: T): boolean =>
    (MANIFEST.test(name) && kindOfFileName(name) === null) ||
    (hasNuspec && CHOCOLATEY_SCRIPT.test(name))
  return {
    installers: files.filter((file) => !isManifest(file)),
    manifests: files.filter(isManifest).slice(0, MANIFEST_LIMIT),
  }
}
