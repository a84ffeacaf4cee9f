/** The command lines of macOS installers. Pure. */
import { coded } from '#shared/domain/coded-texts/codes.ts'
import type { DeployPayload } from '#shared/contract/agent/link.ts'
import type { Command } from '../../supervisor/files.ts'
import { impossible, type Prepared } from '../installers.ts'

/** installer(8) */
export const pkgCommand = (packageFile: string, argv: readonly string[]): Command => ({
  file: '/usr/sbin/installer',
  args: ['-pkg', packageFile, '-target', '/', ...argv],
  verbatim: false,
})

/**
 * Mounts a disk image out of sight. If it contains a package, that is installed; otherwise its app replaces
 * the installed one. By deploying it, the user has accepted its licence, for which hdiutil would ask. Waits
 * while another program (Spotlight) uses the image, and then forces the detach. The image's path is an
 * argument of the script and never part of its text (hdiutil(1), ditto(1), installer(8)).
 */
const DMG_SCRIPT = `
set -eu
image=$1
apps=$2
mount=$(mktemp -d /tmp/deployx.XXXXXX)
detach() {
  for try in 1 2 3 4 5; do
    if hdiutil detach "$mount"; then break; fi
    if [ "$try" = 5 ]; then hdiutil detach -force "$mount" || true; else sleep 2; fi
  done
  rmdir "$mount" || true
}
trap 'rmdir "$mount"' EXIT
yes | PAGER=/bin/cat hdiutil attach -nobrowse -readonly -noautoopen -mountpoint "$mount" "$image"
trap detach EXIT
for package in "$mount"/*.pkg "$mount"/*.mpkg; do
  if [ -e "$package" ]; then
    installer -pkg "$package" -target / < /dev/null
    exit
  fi
done
for app in "$mount"/*.app; do
  if [ -e "$app" ]; then
    name=$(basename "$app")
    new="$apps/.deployx-new-$$.app"
    ditto "$app" "$new" || { rm -rf "$new"; exit 1; }
    rm -rf "$apps/$name"
    mv "$new" "$apps/$name"
    exit
  fi
done
echo "the disk image holds neither a package nor an app" >&2
exit 1
`

/** @param appsFolder where apps are installed */
export const dmgCommand = (packageFile: string, appsFolder = '/Applications'): Command => ({
  file: '/bin/sh',
  args: ['-c', DMG_SCRIPT, 'deployx-dmg', packageFile, appsFolder],
  verbatim: false,
})

/** The command for a payload, or why there is none. */
export function macosCommand(payload: DeployPayload, packageFile: string | null): Prepared {
  if (packageFile === null) return impossible('install_failed', coded('macos_removal', {}))
  switch (payload.kind) {
    case 'pkg':
      return { ok: true, command: pkgCommand(packageFile, payload.argv), before: null }
    case 'dmg':
      return { ok: true, command: dmgCommand(packageFile), before: null }
    default:
      return impossible(
        'install_failed',
        coded('wrong_system', { kind: payload.kind, system: 'macOS' }),
      )
  }
}
