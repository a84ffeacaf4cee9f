/** Small Debian packages, built for a test with dpkg-deb. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export type DebParts = {
  name: string
  version?: string
  depends?: string
  conflicts?: string
  /** Text of the script that runs after unpacking. */
  postinst?: string
  /** Additional incompressible content, in bytes. */
  extraBytes?: number
}

/** Returns the package's bytes. @param folder where it is built */
export function buildDeb(folder: string, parts: DebParts): Buffer {
  const tree = join(folder, `${parts.name}-tree`)
  const file = join(tree, 'usr/share/deployx-test', parts.name)
  mkdirSync(join(tree, 'DEBIAN'), { recursive: true })
  mkdirSync(dirname(file), { recursive: true })
  // dpkg-deb requires this mode, whatever the umask is.
  chmodSync(join(tree, 'DEBIAN'), 0o755)
  writeFileSync(file, 'a test\n')
  if (parts.extraBytes) writeFileSync(`${file}.bin`, randomBytes(parts.extraBytes))
  const control = [
    `Package: ${parts.name}`,
    `Version: ${parts.version ?? '1.0'}`,
    'Architecture: all',
    'Maintainer: nobody <nobody@example.test>',
    ...(parts.depends ? [`Depends: ${parts.depends}`] : []),
    ...(parts.conflicts ? [`Conflicts: ${parts.conflicts}`] : []),
    'Description: a test',
    '',
  ]
  writeFileSync(join(tree, 'DEBIAN/control'), control.join('\n'))
  if (parts.postinst) writeFileSync(join(tree, 'DEBIAN/postinst'), parts.postinst, { mode: 0o755 })
  const deb = join(folder, `${parts.name}.deb`)
  execFileSync('dpkg-deb', ['--root-owner-group', '--build', tree, deb], { stdio: 'ignore' })
  return readFileSync(deb)
}
