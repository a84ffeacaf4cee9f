/** The command lines of macOS installers. Pure. */
import type { DeployPayload } from '#shared/contract/agent-link.ts'
import type { Command } from '../../supervisor/files.ts'
import { impossible, type Prepared } from '../installers.ts'

/** installer(8) */
export const pkgCommand = (packageFile: string, argv: readonly string[]): Command => ({
  file: '/usr/sbin/installer',
  args: ['-pkg', packageFile, '-target', '/', ...argv],
  verbatim: false,
})

/**
 * A disk image is mounted out of sight and what it holds is taken: a package is installed, else the app is copied.
 * The image's path is an argument of the script and never part of its text (hdiutil(1), ditto(1)).
 */
const DMG_SCRIPT = `
set -eu
image=$1
mount=$(mktemp -d /private/tmp/deployx.XXXXXX)
hdiutil attach -nobrowse -readonly -noautoopen -mountpoint "$mount" "$image" < /dev/null
trap 'hdiutil detach -force "$mount"; rmdir "$mount"' EXIT
for package in "$mount"/*.pkg; do
  if [ -e "$package" ]; then /usr/sbin/installer -pkg "$package" -target /; exit; fi
done
for app in "$mount"/*.app; do
  if [ -e "$app" ]; then ditto "$app" "/Applications/$(basename "$app")"; exit; fi
done
echo "the disk image holds neither a package nor an app" >&2
exit 1
`

export const dmgCommand = (packageFile: string): Command => ({
  file: '/bin/sh',
  args: ['-c', DMG_SCRIPT, 'deployx-dmg', packageFile],
  verbatim: false,
})

/** The command for a payload, or why there is none. */
export function macosCommand(payload: DeployPayload, packageFile: string | null): Prepared {
  if (packageFile === null)
    return impossible('install_failed', 'macOS packages do not know how to remove themselves.')
  switch (payload.kind) {
    case 'pkg':
      return { ok: true, command: pkgCommand(packageFile, payload.argv), before: null }
    case 'dmg':
      return { ok: true, command: dmgCommand(packageFile), before: null }
    default:
      return impossible('install_failed', `A .${payload.kind} installer does not run on macOS.`)
  }
}
