import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cpuTimeGrowth, LINEAR_GROWTH } from '../test-kit/cpu-time.ts'
import { splitArguments } from './argv.ts'
import type { DevicePlatform, InstallerKind } from './platforms.ts'
import { findSecrets, SECRET_MASK } from './secret-arguments.ts'
import { maskSecrets, restoreSecrets, secretNames, staysSecret } from './secret-lines.ts'
import { isSecretName } from './secret-names.ts'

const shown = (line: string, marks: string[] = [], platform: DevicePlatform = 'windows'): string =>
  maskSecrets(line, findSecrets(line, marks, platform).secrets)

describe('names', () => {
  it.each([
    ...['PIDKEY', 'KEY', 'ProductKey', 'PRODUCT_KEY', 'license', 'LICENCE_CODE', 'licenseKey'],
    ...['PASS', 'password', 'UserPassword', 'db-passwd', 'PWD', 'ADMINPWD', 'apiToken', 'TOKEN'],
    ...['SERIAL', 'SerialNumber', 'SECRET', 'client_secret', 'PIN', 'PSK', 'DBPASS', 'license.key'],
    ...['LIZENZ', 'LizenzNummer', 'KENNWORT', 'SERIENNUMMER', 'REGCODE', 'AUTHCODE', 'UNLOCK'],
    ...['Reg_Code', 'auth-code', 'UnlockCode'],
  ])('recognise %s as secret', (name) => expect(isSecretName(name)).toBe(true))

  it.each([
    ...['INSTALLDIR', 'ALLUSERS', 'REBOOT', 'passive', 'ExecutionPolicy', 'BYPASS', 'KEYBOARD'],
    ...['qn', 'log', 'TRANSFORMS', 'pinned', 'spin', 'hotkey', 'snapshot', 'COMPASS', 'norestart'],
  ])('do not treat %s as secret', (name) => expect(isSecretName(name)).toBe(false))
})

describe('masking', () => {
  it.each([
    ['/qn PIDKEY=LIC-7QX2', '/qn PIDKEY=●●●'],
    ['/qn PIDKEY="A B" INSTALLDIR="C:\\A B\\"', '/qn PIDKEY=●●● INSTALLDIR="C:\\A B\\"'],
    ['/qn "PIDKEY=A B" /norestart', '/qn "PIDKEY=●●●" /norestart'],
    ['/qn pidkey=abc', '/qn pidkey=●●●'],
    ['/key:ABC /S', '/key:●●● /S'],
    ['/S /PASSWORD=ABC', '/S /PASSWORD=●●●'],
    ['--password ABC --silent', '--password ●●● --silent'],
    ['--password "A B" --silent', '--password ●●● --silent'],
    ['--Password=ABC', '--Password=●●●'],
    ['-Password ABC -Quiet', '-Password ●●● -Quiet'],
    ['KEY=abc ./setup', 'KEY=●●● ./setup'],
    ['/v"/qn PIDKEY=ABC INSTALLDIR=\\"C:\\A B\\""', '/v"/qn PIDKEY=●●● INSTALLDIR=\\"C:\\A B\\""'],
    // If readings differ, the values of both are hidden.
    ['/v"/qn PIDKEY=\\"A B\\" /x"', '/v"/qn ●●● /x"'],
    ['/ARGS="--token ABC /x"', '/ARGS="--token ●●● /x"'],
    ['--url=https://h/i?a=1&token=ABC', '--url=https://h/i?a=1&token=●●●'],
    ['/p:Password=ABC', '/p:Password=●●●'],
    ['CONNECTION="Server=x;Password=ABC"', 'CONNECTION="Server=x;Password=●●●"'],
    ['--password=ABC', '--password=●●●'],
    ['PROXY=http://svc:Passw0rd@proxy:3128 /S', 'PROXY=http://svc:●●●@proxy:3128 /S'],
    ['--proxy "https://svc:A/B#C@proxy" /S', '--proxy "https://svc:●●●@proxy" /S'],
    ['--proxy https://svc:a@b:c@proxy', '--proxy https://svc:●●●@proxy'],
    ['http://:ABC@a/x ftp://b:DEF@c/@y', 'http://:●●●@a/x ftp://b:●●●@c/@y'],
    ['LIZENZ=A1 KENNWORT=1 REGCODE=B2', 'LIZENZ=●●● KENNWORT=●●● REGCODE=●●●'],
    ['PIDKEY=LIC-7QX2 /log:C:\\LIC-7QX2.txt', 'PIDKEY=●●● /log:C:\\●●●.txt'],
  ])('shows %s as %s', (line, masked) => expect(shown(line)).toBe(masked))

  it.each([
    ["--password 'a b' -q", '--password ●●● -q'],
    ['--password a\\ b -q', '--password ●●● -q'],
    ["PASSWORD='a'\\''b'c x", 'PASSWORD=●●● x'],
    [`-c 'tool --password "A B" --x'`, `-c 'tool --password ●●● --x'`],
    [`sh -c "it's --password ABC"`, `sh -c "it's --password ●●●"`],
  ])('shows %s on Linux as %s', (line, masked) => expect(shown(line, [], 'linux')).toBe(masked))

  it.each([
    '/qn ACCEPTLICENSE=yes LICENSEACCEPTED=1',
    '--accept-license --quiet',
    'PROXY=http://proxy:3128/a@b NEXT=http://user@host:80 x://a:@b C:\\a@b',
    '/license /quiet',
    '/passive /norestart',
    '/DIR="C:\\Keys\\x"',
    '',
  ])('leaves %s unchanged', (line) => expect(shown(line)).toBe(line))

  it.each([
    ['-p ABC -q', ['-p'], '-p ●●● -q'],
    ['-p ABC -q', ['p'], '-p ●●● -q'],
    ['-pABC -q', ['-p'], '-p●●● -q'],
    ['/x:ABC', ['x'], '/x:●●●'],
    ['/x:ABC', ['/X'], '/x:●●●'],
    ['/x:ABC', ['/x:ABC'], '/x:●●●'],
    ['SITE=abc', ['SITE='], 'SITE=●●●'],
    ['install LIC-99 now', ['LIC-99'], 'install ●●● now'],
    ['install "A B" now', ['A B'], 'install "●●●" now'],
    ['-p --strange', ['-p'], '-p ●●●'],
    ['/qn SITE=yes', ['SITE'], '/qn SITE=●●●'],
  ])('shows %s with %j marked as %s', (line, marks, masked) => {
    expect(shown(line, marks)).toBe(masked)
    expect(findSecrets(line, marks, 'windows').unmatched).toEqual([])
  })

  it('reports marks that match nothing', () => {
    expect(findSecrets('/qn SITE=1', ['SITE', 'OTHER'], 'windows').unmatched).toEqual(['OTHER'])
  })
  it('returns the names of the secret arguments', () => {
    const { secrets } = findSecrets('PIDKEY=A1 --token B2 -p C3 D4', ['-p', 'D4'], 'windows')
    expect(secretNames(secrets)).toEqual(['PIDKEY', '--token', '-p', SECRET_MASK])
  })
})

describe('values', () => {
  it('are returned as programs read them', () => {
    const { secrets } = findSecrets('PIDKEY="A B" --token x', [], 'windows')
    expect(secrets.map(({ values }) => values[0])).toEqual(['A B', 'x'])
  })
})

describe('restoring', () => {
  const restore = (edited: string, stored: string, marks: string[] = []) =>
    restoreSecrets(edited, stored, findSecrets(stored, marks, 'windows').secrets)

  it.each([
    ['/qn PIDKEY=●●●', '/qn PIDKEY="A B"', '/qn PIDKEY="A B"'],
    ['PIDKEY=●●● /quiet', '/qn PIDKEY=AB', 'PIDKEY=AB /quiet'],
    ['TOKEN=●●● PIDKEY=●●●', 'PIDKEY=AB TOKEN=CD', 'TOKEN=CD PIDKEY=AB'],
    ['KEY=●●● KEY=●●●', 'KEY=AB KEY=CD', 'KEY=AB KEY=CD'],
    ['PIDKEY=new', 'PIDKEY=old', 'PIDKEY=new'],
    ['LICENSEKEY=●●●', 'PIDKEY=AB', 'LICENSEKEY=AB'],
    ['--password ●●● -v', '-q --password AB', '--password AB -v'],
  ])('turns %s, edited from %s, into %s', (edited, stored, line) =>
    expect(restore(edited, stored)?.line).toBe(line),
  )

  it('refuses a mask that matches no secret', () => {
    expect(restore('PIDKEY=●●● TOKEN=●●●', 'PIDKEY=AB')).toBeNull()
    expect(restore('PIDKEY=●●●', '/qn')).toBeNull()
  })

  it('detects a secret that would be shown', () => {
    const put = restore('SITE=●●●', 'PIDKEY=ABCD')!
    expect(put.line).toBe('SITE=ABCD')
    expect(staysSecret(put.restored, findSecrets(put.line, [], 'windows').secrets)).toBe(false)
    expect(staysSecret(put.restored, findSecrets(put.line, ['SITE'], 'windows').secrets)).toBe(true)
  })
})

describe('any line', () => {
  const platform = fc.constantFrom<DevicePlatform>('windows', 'linux', 'macos')
  const piece = fc.oneof(
    fc.constantFrom(
      ...['"', "'", '\\', '\\"', '""', ' ', '=', ':', '/', '-', '--', 'KEY', 'x', '●'],
    ),
    fc.string({ maxLength: 6 }),
  )
  const noise = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''))
  const name = fc.constantFrom('PIDKEY', 'password', 'api-token', 'LicenseCode', 'SERIAL', 'db.pwd')
  const secret = fc
    .array(fc.constantFrom('7', 'Q', 'z', '-', '$', '.'), { minLength: 5, maxLength: 9 })
    .map((c) => `S3${c.join('')}`)

  it('never shows the value of a secret argument, however the line around it is quoted', () => {
    const kinds: (InstallerKind | undefined)[] = ['msi', 'exe', 'ps1', 'cmd', 'sh', undefined]
    fc.assert(
      fc.property(noise, noise, name, secret, platform, (before, after, key, value, on) => {
        for (const argument of [`${key}=${value}`, `/${key}:"${value}"`, `--${key} ${value}`]) {
          const line = `${before} ${argument} ${after}`
          const masked = shown(line, [], on)
          // If a program reads this argument, its value must not be visible.
          const isArgument = kinds.some((kind) => {
            try {
              const { argv } = splitArguments(line, on, kind)
              return argv.some(
                (arg, i) =>
                  arg === `${key}=${value}` ||
                  arg === `/${key}:${value}` ||
                  (arg === `--${key}` && argv[i + 1] === value),
              )
            } catch {
              return false
            }
          })
          if (isArgument) expect(masked).not.toContain(value)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('never shows a value that is marked', () => {
    fc.assert(
      fc.property(noise, noise, secret, platform, (before, after, value, on) => {
        expect(shown(`${before} ${value} ${after}`, [value], on)).not.toContain(value)
      }),
      { numRuns: 2_000 },
    )
  })

  it('is restored if nothing is edited', () => {
    fc.assert(
      fc.property(noise, name, secret, noise, platform, (before, key, value, after, on) => {
        const line = `${before} ${key}=${value} ${after}`
        fc.pre(!line.includes(SECRET_MASK))
        const { secrets } = findSecrets(line, [], on)
        const put = restoreSecrets(maskSecrets(line, secrets), line, secrets)
        expect(put?.line).toBe(line)
        expect(staysSecret(put!.restored, secrets)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  it('is read in time proportional to its length', () => {
    for (const unit of [
      'KEY=a1b2 ',
      '\\',
      '"',
      "'",
      '●',
      'KEY ',
      '--key ',
      'k=',
      '"\\"KEY=a ',
      'p://a:b@',
    ]) {
      const growth = cpuTimeGrowth((factor) => {
        // Shorter lines take less for each character, as they leave no garbage.
        const line = unit.repeat(Math.ceil((factor * 160_000) / unit.length))
        return () => shown(line, ['-p', 'zzzzzz'])
      })
      expect(growth, unit).toBeLessThan(LINEAR_GROWTH)
    }
  })
})
