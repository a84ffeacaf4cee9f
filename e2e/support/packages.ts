/**
 * Small real packages, built for one test: shell scripts, and .deb files written byte by byte as described in
 * deb(5) and ar(5).
 */
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'

/** An installer script. @returns its path */
export async function writeScript(folder: string, name: string, lines: string[]): Promise<string> {
  const file = join(folder, name)
  await writeFile(file, ['#!/bin/sh', ...lines, ''].join('\n'))
  await chmod(file, 0o755)
  return file
}

export type DebOptions = {
  name: string
  version: string
  architecture?: string
  maintainer?: string
  depends?: string
  /** Content by path in the target system, without a leading slash. */
  files?: Record<string, string>
  /** Maintainer scripts (postinst, prerm and so on), as shell scripts without their first line. */
  scripts?: Record<string, string>
}

/** @returns the path of the package, named as Debian does */
export async function writeDeb(folder: string, options: DebOptions): Promise<string> {
  const { name, version, architecture = 'all' } = options
  const files = options.files ?? { [`usr/share/doc/${name}/README`]: `${name} ${version}\n` }
  const fields = {
    Package: name,
    Version: version,
    Architecture: architecture,
    Maintainer: options.maintainer ?? 'DeployX tests <tests@deployx.invalid>',
    ...(options.depends && { Depends: options.depends }),
    'Installed-Size': '1',
    Description: `test package ${name}`,
  }
  const control = Object.entries(fields).map(([key, value]) => `${key}: ${value}\n`)
  const scripts = Object.entries(options.scripts ?? {}).map(
    ([script, body]) => [script, `#!/bin/sh\nset -e\n${body}\n`, 0o755] as const,
  )
  const members = [
    ['debian-binary', Buffer.from('2.0\n')],
    ['control.tar.gz', await tarball([['control', control.join(''), 0o644], ...scripts])],
    [
      'data.tar.gz',
      await tarball(Object.entries(files).map(([path, text]) => [path, text, 0o644])),
    ],
  ] as const
  const file = join(folder, `${name}_${version}_${architecture}.deb`)
  await writeFile(file, Buffer.concat([Buffer.from('!<arch>\n'), ...members.map(arMember)]))
  return file
}

/** A .tar.gz of scripts and text files. @returns its path */
export async function writeArchive(
  folder: string,
  name: string,
  files: Record<string, string>,
): Promise<string> {
  const file = join(folder, name)
  await writeFile(
    file,
    await tarball(Object.entries(files).map(([path, text]) => [path, text, 0o755])),
  )
  return file
}

async function tarball(entries: readonly (readonly [string, string, number])[]): Promise<Buffer> {
  const tar = pack()
  const folders = new Set(
    entries.flatMap(([path]) => {
      const parts = path.split('/').slice(0, -1)
      return parts.map((_part, index) => parts.slice(0, index + 1).join('/'))
    }),
  )
  for (const folder of folders) tar.entry({ name: `./${folder}/`, type: 'directory', mode: 0o755 })
  for (const [path, text, mode] of entries) tar.entry({ name: `./${path}`, mode }, text)
  tar.finalize()
  return gzipSync(await buffer(tar))
}

function arMember([name, content]: readonly [string, Buffer]): Buffer {
  const header = [
    name.padEnd(16),
    '0'.padEnd(12),
    '0'.padEnd(6),
    '0'.padEnd(6),
    '100644'.padEnd(8),
    String(content.length).padEnd(10),
    '`\n',
  ].join('')
  const padding = content.length % 2 === 1 ? '\n' : ''
  return Buffer.concat([Buffer.from(header), content, Buffer.from(padding)])
}
