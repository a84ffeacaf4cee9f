import { describe, expect, it } from 'vitest'
import { coded } from '#shared/domain/coded-texts/codes.ts'
import { compose } from '#shared/domain/coded-texts/compose.ts'
import { failedScript, explainOutput, wordsOf, type ToolError } from './tool-errors.ts'

const inWords = (error: ToolError): string => compose(coded('dpkg_cannot_read', wordsOf(error)))

describe('the error output of a failed tool', () => {
  it.each([
    [
      'deb',
      'Reading…\nE: Held packages were changed and -y was used without --allow-change-held-packages.\n',
      /apt-mark unhold/,
      null,
    ],
    [
      'deb',
      "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.",
      /dpkg --configure -a/,
      null,
    ],
    [
      'deb',
      "dpkg-deb: error: archive '/x/a.deb' uses unknown compression for member 'control.tar.zst', giving up",
      /too old.*zst/,
      null,
    ],
    [
      'deb',
      'dpkg: error processing archive x (--unpack):\n cannot copy extracted data: failed to write (No space left on device)',
      /full/,
      'disk_space',
    ],
    [
      'deb',
      "E: You don't have enough free space in /var/cache/apt/archives/.",
      /full/,
      'disk_space',
    ],
    [
      'deb',
      'E: Could not get lock /var/cache/apt/archives/lock. It is held by process 7 (apt)\nE: Unable to lock directory /var/cache/apt/archives/',
      /Another program/,
      'retry_later',
    ],
    [
      'deb',
      'E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7',
      /Another program/,
      'retry_later',
    ],
    [
      'deb',
      'dpkg: error: dpkg frontend lock was locked by another process with pid 12',
      /Another program/,
      'retry_later',
    ],
    [
      'deb',
      'debconf: DbDriver "config": /var/cache/debconf/config.dat is locked by another process: Resource temporarily unavailable',
      /Another program/,
      'retry_later',
    ],
    [
      'deb',
      'dpkg: error processing package x (--configure):\n installed x package post-installation script subprocess returned error exit status 3',
      /post-installation script of x failed with exit status 3/,
      null,
    ],
    [
      'deb',
      " trying to overwrite '/usr/bin/x', which is also in package y 1.0",
      /\/usr\/bin\/x belongs to .* y/,
      null,
    ],
    ['deb', ' package architecture (arm64) does not match system (amd64)', /made for arm64/, null],
    ['deb', 'dpkg: error: unable to create file: Read-only file system', /read-only/, null],
    [
      'rpm',
      "error: can't create transaction lock on /var/lib/rpm/.rpm.lock (Resource temporarily unavailable)",
      /Another program/,
      'retry_later',
    ],
    [
      'rpm',
      'error: %prein(x-1-1.noarch) scriptlet failed, exit status 3\nerror: x-1-1.noarch: install failed',
      /script of the package failed \(%prein, status 3\)/,
      null,
    ],
    [
      'rpm',
      '\tpackage x-2-1.noarch (which is newer than x-1-1.noarch) is already installed',
      /newer version.*x-2-1/,
      null,
    ],
    [
      'rpm',
      '\tinstalling package x needs 3MB more space on the / filesystem',
      /full/,
      'disk_space',
    ],
    ['rpm', '\trpmlib(PayloadIsZstd) <= 5.4.18-1 is needed by x', /too old.*PayloadIsZstd/, null],
  ] as const)('%s: %j', (kind, output, cause, reason) => {
    const toolError = explainOutput(kind, output)
    expect(inWords(toolError)).toMatch(cause)
    expect(toolError.reason).toBe(reason)
    expect(output).toContain(toolError.line)
  })

  it('is summarized by its most useful line if the cause is unknown', () => {
    const line = (kind: Parameters<typeof explainOutput>[0], text: string) =>
      explainOutput(kind, text).line
    expect(
      line(
        'deb',
        'E: Something odd happened\nE: Sub-process /usr/bin/dpkg returned an error code (1)',
      ),
    ).toBe('E: Something odd happened')
    expect(line('deb', 'E: Sub-process /usr/bin/dpkg returned an error code (1)')).toContain('(1)')
    expect(line('deb', 'Reading package lists...\n')).toBeNull()
    expect(line('rpm', 'error: odd\nerror: x: install failed\n')).toBe('error: odd')
    expect(line('deb', '\u001b[31mE: no licence\u001b[0m\n[deployx] tidied up\n')).toBe(
      'E: no licence',
    )
    expect(line('sh', '')).toBeNull()
    expect(line('msi', '[deployx] Windows Installer: Error 1722. A program failed.')).toContain(
      '1722',
    )
    expect(line('msp', '[deployx] Windows Installer: Error 1642. No such product.')).toContain(
      '1642',
    )
    expect(
      line(
        'msix',
        'Version: 10.0\n\nError: 0x80073cf3\n\nPackage failed updates.\n\nThe log is at C:\\x',
      ),
    ).toBe('Error: 0x80073cf3 Package failed updates.')
    expect(line('msix', 'The operation completed')).toBeNull()
    const full = "install: cannot create regular file '/opt/x': No space left on device"
    expect(explainOutput('appimage', full)).toMatchObject({ reason: 'disk_space', line: full })
    expect(line('appimage', "mv: cannot move 'a' to 'b': Permission denied")).toContain('cannot')
    expect(line('rpm', `error: ${'x'.repeat(5_000)}`)).toHaveLength(300)
  })

  it('is recognised if the tool ignored a failed script', () => {
    const warning = 'warning: %post(x-1-1.noarch) scriptlet failed, exit status 3'
    expect(wordsOf(failedScript('rpm', `Preparing…\n${warning}\n`)!)).toEqual({
      cause: 'cause_rpm_script',
      script: 'post',
      status: '3',
      line: warning,
    })
    expect(failedScript('rpm', 'warning: x: NOKEY\n')).toBeNull()
    expect(failedScript('sh', warning)).toBeNull()
  })

  it('is read in constant time, whatever its length', () => {
    const startedAt = performance.now()
    for (const kind of ['deb', 'rpm', 'pkg', 'sh'] as const) {
      explainOutput(kind, 'could not get '.repeat(200_000))
      explainOutput(kind, 'package '.repeat(200_000))
      explainOutput(kind, 'E: \n'.repeat(100_000))
    }
    expect(performance.now() - startedAt).toBeLessThan(5_000)
  })
})
