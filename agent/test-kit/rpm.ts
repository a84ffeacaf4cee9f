/** Small RPM packages, built for a test with rpmbuild. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type RpmParts = {
  name: string
  version: string
  /** Text of the script that runs after unpacking. */
  post?: string
  /** Size of its only file, FOLDER/NAME. */
  fileBytes?: number
  /** Default: /opt */
  into?: string
}

/** Returns the package's bytes. @param folder where it is built */
export function buildRpm(
  folder: string,
  { name, version, post, fileBytes, into = '/opt' }: RpmParts,
): Buffer {
  const spec = join(folder, `${name}.spec`)
  const content = fileBytes
    ? `head -c ${fileBytes} /dev/urandom > %{buildroot}${into}/${name}`
    : `echo x > %{buildroot}${into}/${name}`
  writeFileSync(
    spec,
    [
      `Name: ${name}`,
      `Version: ${version}`,
      'Release: 1',
      'Summary: a test',
      'License: MIT',
      'BuildArch: noarch',
      '%description',
      'a test',
      '%install',
      `mkdir -p %{buildroot}${into} && ${content}`,
      ...(post ? ['%post', post] : []),
      '%files',
      `${into}/${name}`,
      '',
    ].join('\n'),
  )
  mkdirSync(join(folder, 'out'), { recursive: true })
  const define = ['--define', `_topdir ${folder}/top`, '--define', `_rpmdir ${folder}/out`]
  execFileSync('rpmbuild', [...define, '-bb', spec], { stdio: 'ignore' })
  return readFileSync(join(folder, 'out', 'noarch', `${name}-${version}-1.noarch.rpm`))
}
