import fs from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import { run } from '../support/run.ts'
import { tempFolder, writeFiles } from '../support/temp-folder.ts'
import { makeDeb, parseFpmArguments } from './fpm-by-dpkg.ts'

const required = ['-s', 'dir', '-t', 'deb', '--name', 'deployx', '--version', '1.2.3']
const who = ['--architecture', 'amd64', '--maintainer', 'A <a@b.invalid>', '--package', '/out.deb']

it('makes a control file from the options', () => {
  const request = parseFpmArguments([
    ...required,
    ...who,
    '--force',
    '-d',
    'libgtk-3-0',
    '-d',
    'libnss3',
    '--deb-compression',
    'gz',
    '--description',
    'Short\n Long text.\n\n More.',
    '/app/=/opt/DeployX',
  ])
  expect(request.control).toBe(
    'Package: deployx\nVersion: 1.2.3\nArchitecture: amd64\nMaintainer: A <a@b.invalid>\n' +
      'Section: default\nPriority: optional\nDepends: libgtk-3-0, libnss3\n' +
      'Description: Short\n Long text.\n .\n More.\n',
  )
  expect(request).toMatchObject({
    compression: 'gzip',
    files: [{ from: '/app/', to: '/opt/DeployX' }],
  })
})

it('refuses unknown options and missing values', () => {
  expect(() => parseFpmArguments([...required, ...who, '--rpm-os', 'linux'])).toThrow('rpm-os')
  expect(() => parseFpmArguments(['-s', 'dir', '-t', 'rpm'])).toThrow('cannot make rpm')
  expect(() => parseFpmArguments(required)).toThrow('--architecture is missing')
})

const dpkg = await run('dpkg-deb', ['--version'], { timeoutMs: 10_000 }).then(
  () => true,
  () => false,
)

it.skipIf(!dpkg)('makes a package that dpkg can read', async () => {
  const folder = await tempFolder()
  await writeFiles(folder, { 'app/run': '#!/bin/sh\n', 'postinst.sh': '#!/bin/sh\n' })
  await fs.chmod(path.join(folder, 'app/run'), 0o755)
  const output = path.join(folder, 'made', 'deployx.deb')
  await makeDeb(
    parseFpmArguments([
      ...required,
      ...who.slice(0, -1),
      output,
      '--after-install',
      path.join(folder, 'postinst.sh'),
      '--deb-compression',
      'gz',
      '--description',
      'Short',
      `${folder}/app/=/opt/DeployX`,
    ]),
  )
  const read = async (...args: string[]) =>
    (await run('dpkg-deb', [...args, output], { timeoutMs: 10_000 })).stdout
  expect(await read('--field')).toContain('Package: deployx')
  expect(await read('--contents')).toMatch(/^-rwxr-xr-x root\/root .* \.\/opt\/DeployX\/run$/m)
  expect(await read('--info')).toContain('postinst')
})
