/** A minimal Debian in a folder, made once by debootstrap: what a PC has whose owner has installed nothing. */
import { existsSync } from 'node:fs'
import fs from 'node:fs/promises'
import path from 'node:path'
import { cacheDir } from '../support/cache-dir.ts'
import { withLock } from '../support/lock.ts'
import { lastLine, run } from '../support/run.ts'

/** To be raised when it is made in another way. */
const RECIPE = 3
const RELEASE = 'bookworm'
const MIRROR = 'http://deb.debian.org/debian'
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
const MAKE_TIMEOUT_MS = 10 * 60_000

/**
 * Beside Debian's smallest set: an init system to boot, `dbus` and `wget`, which Debian's installer puts on every PC, and `rpm`, so
 * that .rpm packages meet a system of their own too. There is neither curl nor sudo nor a certificate store nor Node.
 */
const PACKAGES = ['systemd', 'systemd-sysv', 'dbus', 'wget', 'rpm']
/** What a test needs of it is not its words. */
const NEEDLESS = ['usr/share/doc', 'usr/share/locale', 'usr/share/man', 'var/cache/apt/archives']

/**
 * The folder of the template, about 150 MB. Making it takes a minute and fetches about 50 MB from the Debian mirror; it is kept in
 * the user's cache. Needs root.
 * @throws Error with the last line that debootstrap said
 */
export async function ensureDebianTemplate(onProgress: (message: string) => void): Promise<string> {
  const folder = path.join(cacheDir(), 'debian', `${RELEASE}-${RECIPE}`)
  await fs.mkdir(path.dirname(folder), { recursive: true })
  return await withLock(`${folder}.lock`, { waitMs: MAKE_TIMEOUT_MS }, async () => {
    if (existsSync(folder)) return folder
    onProgress(`making a minimal Debian in ${folder}, about a minute`)
    const fresh = `${folder}.new`
    await fs.rm(fresh, { recursive: true, force: true })
    // In namespaces of its own: whatever it mounts and starts is gone with it, also when it is ended half-way.
    const alone = ['--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private']
    const include = `--include=${PACKAGES.join(',')}`
    const strict = ['--force-check-gpg', `--keyring=${KEYRING}`]
    const make = ['debootstrap', '--variant=minbase', include, ...strict, RELEASE, fresh, MIRROR]
    const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' }
    const made = await run('unshare', [...alone, ...make], { timeoutMs: MAKE_TIMEOUT_MS, env })
    if (made.code !== 0) {
      await fs.rm(fresh, { recursive: true, force: true })
      const why = made.timedOut
        ? 'it took too long'
        : lastLine(made.stderr) || lastLine(made.stdout)
      throw new Error(`debootstrap failed: ${why}`)
    }
    for (const name of NEEDLESS)
      await fs.rm(path.join(fresh, name), { recursive: true, force: true })
    // These are of the computer that made it.
    for (const name of ['etc/hostname', 'etc/resolv.conf'])
      await fs.rm(path.join(fresh, name), { force: true })
    // machine-id(5): empty, each PC makes its own at its first start.
    await fs.writeFile(path.join(fresh, 'etc/machine-id'), '')
    // Seen in its place only when it is complete.
    await fs.rename(fresh, folder)
    return folder
  })
}
