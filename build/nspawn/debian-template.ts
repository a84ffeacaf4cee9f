/** A minimal Debian in a folder, created once by debootstrap: a PC on which nothing extra is installed. */
import { existsSync } from 'node:fs'
import fs from 'node:fs/promises'
import path from 'node:path'
import { cacheDir } from '../support/cache-dir.ts'
import { withLock } from '../support/lock.ts'
import { lastLine, run } from '../support/run.ts'

/** Increase this when the template is built differently. */
const RECIPE = 3
const RELEASE = 'bookworm'
const MIRROR = 'http://deb.debian.org/debian'
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
const MAKE_TIMEOUT_MS = 10 * 60_000

/**
 * On top of Debian's minimal set: an init system to boot; `dbus` and `wget`, which Debian's installer puts on
 * every PC; and `rpm`, so that .rpm packages can be tested on a real system too. There is no curl, sudo,
 * certificate store or Node.
 */
const PACKAGES = ['systemd', 'systemd-sysv', 'dbus', 'wget', 'rpm']
/** Documentation and translations, which no test needs. */
const NEEDLESS = ['usr/share/doc', 'usr/share/locale', 'usr/share/man', 'var/cache/apt/archives']

/**
 * The folder of the template, about 150 MB. The first call takes a minute and downloads about 50 MB from the
 * Debian mirror; the result is kept in the user's cache. Needs root. @throws Error with debootstrap's last
 * line
 */
export async function ensureDebianTemplate(onProgress: (message: string) => void): Promise<string> {
  const folder = path.join(cacheDir(), 'debian', `${RELEASE}-${RECIPE}`)
  await fs.mkdir(path.dirname(folder), { recursive: true })
  return await withLock(`${folder}.lock`, { waitMs: MAKE_TIMEOUT_MS }, async () => {
    if (existsSync(folder)) return folder
    onProgress(`making a minimal Debian in ${folder}, about a minute`)
    const fresh = `${folder}.new`
    await fs.rm(fresh, { recursive: true, force: true })
    // In its own namespaces, so that its mounts and processes disappear with it, even if it is killed
    // halfway.
    const isolation = ['--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private']
    const include = `--include=${PACKAGES.join(',')}`
    const strict = ['--force-check-gpg', `--keyring=${KEYRING}`]
    const make = ['debootstrap', '--variant=minbase', include, ...strict, RELEASE, fresh, MIRROR]
    const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' }
    const made = await run('unshare', [...isolation, ...make], { timeoutMs: MAKE_TIMEOUT_MS, env })
    if (made.code !== 0) {
      await fs.rm(fresh, { recursive: true, force: true })
      const why = made.timedOut
        ? 'it took too long'
        : lastLine(made.stderr) || lastLine(made.stdout)
      throw new Error(`debootstrap failed: ${why}`)
    }
    for (const name of NEEDLESS)
      await fs.rm(path.join(fresh, name), { recursive: true, force: true })
    // These come from the computer that built the template.
    for (const name of ['etc/hostname', 'etc/resolv.conf'])
      await fs.rm(path.join(fresh, name), { force: true })
    // machine-id(5): empty, so that each PC generates its own on first boot.
    await fs.writeFile(path.join(fresh, 'etc/machine-id'), '')
    // Rename last, so that an incomplete template is never found under its final name.
    await fs.rename(fresh, folder)
    return folder
  })
}
