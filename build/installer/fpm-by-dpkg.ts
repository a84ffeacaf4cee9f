#!/usr/bin/env node
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { lastLine, run } from '../support/run.ts'

/*
 * electron-builder makes .deb files with fpm, which it downloads. If the download is not possible, this
 * replaces fpm (CUSTOM_FPM_PATH): it accepts the options that electron-builder 26 passes for `-s dir -t deb`,
 * refuses any other, and lets dpkg-deb do the work.
 */

export interface DebRequest {
  output: string
  /** control file of the package: https://www.debian.org/doc/debian-policy/ch-controlfields.html */
  control: string
  scripts: { postinst?: string; postrm?: string }
  /** In dpkg-deb's notation. */
  compression: string
  /** What is copied where; a source that ends with `/` means the contents of that folder. */
  files: { from: string; to: string }[]
}

/** Parses fpm's command line. @throws Error for a request that this replacement does not support */
export function parseFpmArguments(args: readonly string[]): DebRequest {
  const text = { type: 'string' } as const
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      'after-install': text,
      'after-remove': text,
      architecture: text,
      category: text,
      'deb-compression': text,
      'deb-priority': text,
      'deb-recommends': { type: 'string', multiple: true },
      depends: { type: 'string', multiple: true, short: 'd' },
      description: text,
      force: { type: 'boolean' },
      input: { type: 'string', short: 's' },
      license: text,
      maintainer: text,
      name: text,
      output: { type: 'string', short: 't' },
      package: text,
      url: text,
      vendor: text,
      version: text,
    },
  })
  if (values.input !== 'dir' || values.output !== 'deb') {
    throw new Error(`cannot make ${values.output} of ${values.input}, only deb of dir`)
  }
  const need = (value: string | undefined, name: string): string => {
    if (!value) throw new Error(`--${name} is missing`)
    return value
  }
  const [synopsis = '', ...rest] = (values.description ?? '').split('\n')
  const fields: [string, string | undefined][] = [
    ['Package', need(values.name, 'name')],
    ['Version', need(values.version, 'version')],
    ['Architecture', need(values.architecture, 'architecture')],
    ['Maintainer', need(values.maintainer, 'maintainer')],
    ['Section', values.category ?? 'default'],
    ['Priority', values['deb-priority'] ?? 'optional'],
    ['Depends', values.depends?.join(', ')],
    ['Recommends', values['deb-recommends']?.join(', ')],
    ['Homepage', values.url],
    ['Description', [synopsis, ...rest.map((line) => ` ${line.trim() || '.'}`)].join('\n')],
  ]
  return {
    output: need(values.package, 'package'),
    control: fields.flatMap(([name, value]) => (value ? `${name}: ${value}\n` : [])).join(''),
    scripts: { postinst: values['after-install'], postrm: values['after-remove'] },
    compression: values['deb-compression'] === 'gz' ? 'gzip' : (values['deb-compression'] ?? 'xz'),
    files: positionals.map((mapping) => {
      const at = mapping.lastIndexOf('=')
      if (at < 0) throw new Error(`not FROM=TO: ${mapping}`)
      return { from: mapping.slice(0, at), to: mapping.slice(at + 1) }
    }),
  }
}

/** Builds the package. @throws Error with dpkg-deb's last line if it fails */
export async function makeDeb(request: DebRequest): Promise<void> {
  const stage = await fs.mkdtemp(path.join(os.tmpdir(), 'deployx-deb-'))
  try {
    // mkdtemp's mode 0700 would become the mode of the root folder on the user's system.
    await fs.chmod(stage, 0o755)
    for (const { from, to } of request.files) {
      const target = path.join(stage, to)
      await fs.mkdir(path.dirname(target), { recursive: true })
      await fs.cp(from, target, { recursive: true, verbatimSymlinks: true })
      if ((await fs.stat(from)).isFile()) await fs.chmod(target, 0o644)
    }
    const debian = path.join(stage, 'DEBIAN')
    await fs.mkdir(debian, { mode: 0o755 })
    await fs.writeFile(path.join(debian, 'control'), request.control)
    for (const [name, file] of Object.entries(request.scripts)) {
      if (!file) continue
      await fs.copyFile(file, path.join(debian, name))
      await fs.chmod(path.join(debian, name), 0o755)
    }
    await fs.mkdir(path.dirname(request.output), { recursive: true })
    const args = ['--build', '--root-owner-group', `-Z${request.compression}`, stage]
    const result = await run('dpkg-deb', [...args, request.output], { timeoutMs: 10 * 60_000 })
    if (result.code !== 0) throw new Error(`dpkg-deb failed: ${lastLine(result.stderr)}`)
  } finally {
    await fs.rm(stage, { recursive: true, force: true })
  }
}

if (import.meta.main) await makeDeb(parseFpmArguments(process.argv.slice(2)))
