import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DevicePlatform } from '#shared/domain/platforms.ts'
import { enrollmentCommands, type Offer } from './commands.ts'

const CODE = 'DX1.abc'
const ADDRESSES = ['192.168.1.20:7480', '[fd00::1]:7480']
const offer = (platform: string, arch: string, digit: string): Offer => ({
  fileName: `deployx-agent-${platform}-${arch}`,
  arch,
  sha256: digit.repeat(64),
})
const both = (platform: DevicePlatform): Offer[] => [
  offer(platform, 'x64', 'a'),
  offer(platform, 'arm64', 'b'),
]
const urls = (name: string): string[] => ADDRESSES.map((a) => `https://${a}/agent/download/${name}`)

describe('the command for Windows', () => {
  it('works in a new folder below Program Files that only administrators can access, and removes it', () => {
    for (const offers of [both, () => []])
      for (const code of [CODE, null]) {
        const { windows } = enrollmentCommands(code, ADDRESSES, offers)
        expect(windows).toMatch(
          /(?:^|; )\$d="\$env:ProgramFiles\\DeployX Agent\\setup-\$\(\[guid\]::NewGuid\(\)\)"; md \$d -ea Stop /,
        )
        expect(windows).toContain(
          "icacls $d /inheritance:r /grant:r '*S-1-5-32-544:(OI)(CI)F' '*S-1-5-18:(OI)(CI)F'",
        )
        expect(windows).toContain('& $f install-service')
        expect(windows).toMatch(/ finally { rd \$d -Recurse -Force }$/)
        expect(windows).not.toContain('\n')
      }
  })

  it("tries each address without a proxy, with Windows' curl, and starts the file only if its hash matches", () => {
    const { windows } = enrollmentCommands(CODE, ADDRESSES, both)
    const list = urls('deployx-agent-windows-x64').map((url) => `'${url}'`)
    expect(windows).toContain(`foreach ($u in ${list.join(',')})`)
    expect(windows).toContain(
      `& "$env:SystemRoot\\System32\\curl.exe" -q -gfsSk --noproxy '*' --connect-timeout 4 `,
    )
    expect(windows).toContain(
      `(Get-FileHash $f).Hash -eq '${'a'.repeat(64)}') { & $f install-service --code DX1.abc }`,
    )
    const { windows: digits } = enrollmentCommands(null, ADDRESSES, both)
    expect(digits).toContain(
      'discover --state "$env:ProgramData\\DeployX\\agent" --hub ([uri]$u).Authority; if ($?)',
    )
  })

  it('runs a private copy of a file that the user has brought', () => {
    const { windows } = enrollmentCommands(CODE, ADDRESSES, () => [])
    expect(windows).toContain(
      'try { cp -LiteralPath $s $f -ea Stop; & $f install-service --code DX1.abc } finally {',
    )
  })

  it('refuses such a file if other users could have replaced it, before anything else', () => {
    for (const code of [CODE, null]) {
      const { windows } = enrollmentCommands(code, ADDRESSES, () => [])
      const [before, after] = windows.split('; $d=')
      expect(before).toContain('$s=(Resolve-Path .\\deployx-agent.exe -ea Stop).ProviderPath')
      // On another computer.
      expect(before).toContain("$s -like '\\\\*'")
      expect(before).toContain(".DriveType -eq 'Network'")
      // The file and each folder above it.
      expect(before).toContain('for ($p=$s; $p; $p=[IO.Path]::GetDirectoryName($p)) {')
      expect(before).toContain('$a.GetOwner($t).Value -notin $o')
      expect(before).toContain('$_.IdentityReference.Value -notin $o')
      expect(before?.match(/{ throw \$x }/g)).toHaveLength(2)
      expect(after).not.toContain('throw')
      expect(after).not.toContain('.\\deployx-agent.exe')
      expect(enrollmentCommands(code, ADDRESSES, both).windows).not.toContain('Get-Acl')
    }
  })

  it('trusts nobody but the user, SYSTEM, administrators and the owner with such a file', () => {
    const { windows } = enrollmentCommands(CODE, ADDRESSES, () => [])
    const [, trusted = ''] = /\$o=([^;]+);/.exec(windows) ?? []
    expect(trusted.split(',')).toEqual([
      '[Security.Principal.WindowsIdentity]::GetCurrent().User.Value',
      "'S-1-5-18'",
      "'S-1-5-32-544'",
      "'S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464'",
      "'S-1-3-4'",
    ])
    const masks = [...windows.matchAll(/\$m=(0x[0-9A-F]{8})/g)].map(([, hex]) => Number(hex))
    const [ofFile = 0, ofFolder = 0] = masks
    const RIGHTS = { write: 0x2, append: 0x4, deleteChild: 0x40, delete: 0x10000, dac: 0x40000 }
    for (const right of Object.values(RIGHTS)) expect(ofFile & right).toBe(right)
    // Everybody may add folders to a drive, and read and run what is there.
    expect(ofFolder & (RIGHTS.append | RIGHTS.write)).toBe(0)
    for (const right of [RIGHTS.deleteChild, RIGHTS.delete, RIGHTS.dac])
      expect(ofFolder & right).toBe(right)
    const READ_AND_EXECUTE = 0x1200a9
    expect(ofFile & READ_AND_EXECUTE).toBe(0)
  })

  it('closes every bracket and quote', () => {
    const CLOSING: Record<string, string> = { '(': ')', '{': '}', '[': ']' }
    for (const offers of [both, () => []])
      for (const code of [CODE, null]) {
        const { windows } = enrollmentCommands(code, ADDRESSES, offers)
        const open: string[] = []
        for (const [part] of windows.matchAll(/'[^']*'|"[^"]*"|./g)) {
          expect(part).not.toMatch(/^['"]$/)
          if (part in CLOSING) open.push(CLOSING[part]!)
          else if (')}]'.includes(part)) expect(open.pop()).toBe(part)
        }
        expect(open).toEqual([])
      }
  })
})

describe.skipIf(process.platform === 'win32')(
  'the command for Linux and macOS, run by a shell',
  () => {
    let bin: string
    let home: string
    let cwd: string
    beforeEach(() => {
      bin = mkdtempSync(join(tmpdir(), 'deployx-line-'))
      home = join(bin, 'home-of-root')
      cwd = join(bin, 'here')
      for (const folder of [home, cwd]) mkdirSync(folder)
    })
    afterEach(() => rmSync(bin, { recursive: true, force: true }))

    const program = (file: string, text: string): void => {
      // Never write through a link: it may lead to the real program on this computer.
      rmSync(file, { force: true })
      writeFileSync(file, `#!/bin/sh\n${text}\n`)
      chmodSync(file, 0o755)
    }
    const AGENT = (exit = 0): string =>
      `echo agent "$@" in $PWD >> ${bin}/output; ls -ld $PWD >> ${bin}/output; exit ${exit}`

    /**
     * Programs that log how they were called; the harmless rest is real, and nothing else is in
     * PATH.
     */
    function pc(programs: Record<string, string>, agent = AGENT()) {
      const real = ['sh', 'mktemp', 'rm', 'cp', 'chmod', 'cat', 'ls', 'find']
      for (const name of real.filter((one) => !existsSync(join(bin, one)))) {
        const found = spawnSync('which', [name], { encoding: 'utf8' }).stdout.trim()
        symlinkSync(found, join(bin, name))
      }
      program(join(bin, 'agent-file'), agent)
      const all = {
        uname: 'echo x86_64',
        id: 'echo 0',
        sleep: '',
        sha256sum: 'cat >> ${0%/*}/output',
        ...programs,
      }
      for (const [name, does] of Object.entries(all))
        program(join(bin, name), `echo ${name} "$@" >> ${bin}/output\n${does}`)
      return (line: string, env: Record<string, string> = {}) => {
        const words = ['-c', line.replaceAll('~root', home)]
        const ended = spawnSync(join(bin, 'sh'), words, {
          cwd,
          env: { PATH: bin, SUDO_UID: String(process.getuid!()), ...env },
          encoding: 'utf8',
        })
        const output = existsSync(join(bin, 'output'))
          ? readFileSync(join(bin, 'output'), 'utf8')
          : ''
        // Nothing is ever left behind.
        expect(readdirSync(home)).toEqual([])
        expect(readdirSync(cwd)).toEqual(
          existsSync(join(cwd, 'deployx-agent')) ? ['deployx-agent'] : [],
        )
        return {
          output: output.replaceAll(`${bin}/`, ''),
          code: ended.status,
          out: ended.stdout + ended.stderr,
        }
      }
    }
    const fetched =
      'while [ "$1" != -o ] && [ "$1" != -O ]; do shift; done; cp ${0%/*}/agent-file $2'
    const { linux, macos } = enrollmentCommands(CODE, ADDRESSES, both)
    const [first, second] = urls('deployx-agent-linux-x64')

    it('uses curl if available: no proxy, no user settings, a short timeout per address', () => {
      const { output, code } = pc({ curl: `echo $HOME >> ${bin}/output; ${fetched}` })(linux, {
        HOME: '/nobody',
      })
      expect(code).toBe(0)
      expect(output).toMatch(
        /^curl -q -gfsSk --noproxy \* --connect-timeout 4 --speed-limit 1 --speed-time 60 -o deployx-agent /m,
      )
      expect(output).toContain(` ${first}\nhome-of-root/deployx-`)
      expect(output).not.toContain(second!)
      expect(output).toContain(`${'a'.repeat(64)}  deployx-agent\n`)
      expect(output).toMatch(
        /^agent install-service --code DX1.abc in home-of-root\/deployx-\w{10}$/m,
      )
      // Nobody else can enter the folder.
      expect(output).toMatch(/^drwx------.* home-of-root\/deployx-/m)
    })

    it('uses wget where there is no curl', () => {
      const { output, code } = pc({ wget: fetched, uname: 'echo aarch64' })(linux)
      expect(code).toBe(0)
      expect(output).toMatch(
        /^wget -nv --no-proxy --no-check-certificate -t 1 --connect-timeout=4 --read-timeout=60 -O deployx-agent https:\S+-arm64$/m,
      )
      expect(output).toContain('agent install-service --code DX1.abc ')
    })

    it('runs everything as root, through sudo for other users', () => {
      const { output, code } = pc({ curl: fetched, id: 'echo 1000', sudo: 'exec "$@"' })(linux)
      expect(code).toBe(0)
      expect(output.indexOf('sudo sh -c')).toBeGreaterThan(-1)
      expect(output.indexOf('curl ')).toBeGreaterThan(output.indexOf('sudo sh -c'))
      const ofRoot = pc({ curl: fetched, sudo: 'exit 1' })(linux, { s: 'false' })
      expect(ofRoot.code).toBe(0)
    })

    it('tries the next address when one does not answer, and ends when none does', () => {
      const deaf = (url: string, code: number): string =>
        `case "$*" in *${url}) exit ${code};; esac; `
      for (const [name, codes] of [
        ['curl', [6, 7, 28]],
        ['wget', [4]],
      ] as const)
        for (const exit of codes) {
          rmSync(join(bin, 'curl'), { force: true })
          const { output, code } = pc({ [name]: deaf(first!, exit) + fetched })(linux)
          expect(code).toBe(0)
          expect(output).toContain(second)
          const none = pc({ [name]: `exit ${exit}`, sleep: 'exit 1' })(linux)
          expect(none.code).toBe(1)
          rmSync(join(bin, 'output'))
        }
    })

    it('retries while the hub is busy', () => {
      const busyTwice = `n=$(cat ${bin}/n 2>/dev/null); echo x$n > ${bin}/n; [ "$n" = xx ] || exit 22; `
      const { output, code } = pc({ curl: busyTwice + fetched, sleep: '' })(linux)
      expect(code).toBe(0)
      expect(output.match(/^curl .*-linux-x64$/gm)).toHaveLength(3)
      expect(output.match(/^sleep \d+$/gm)).toEqual(['sleep 1'])
    })

    it('never runs a file with another hash or a file that was not downloaded', () => {
      for (const curl of [fetched, 'exit 60']) {
        const { output, code } = pc({ curl, sleep: '', sha256sum: 'exit 1' })(linux)
        expect(code).toBe(1)
        expect(output).toContain('sha256sum -c')
        expect(output).not.toContain('agent install-service')
      }
    })

    it('downloads nothing for a processor without an agent', () => {
      const { output, code, out } = pc({ curl: fetched, uname: 'echo riscv64' })(linux)
      expect(code).toBe(1)
      expect(out).toContain('There is no agent for riscv64.')
      expect(output).not.toContain('curl ')
    })

    it.each([0, 3, 130])("exits with the agent's exit code, %d", (exit) => {
      expect(pc({ curl: fetched }, AGENT(exit))(linux).code).toBe(exit)
      const shasum = { curl: fetched, shasum: 'cat > /dev/null' }
      expect(pc(shasum, AGENT(exit))(macos).code).toBe(exit)
    })

    it('without a code, compares digits first, with the hub that served the file', () => {
      const lines = enrollmentCommands(null, ADDRESSES, both)
      const { output } = pc({ curl: `case "$*" in *192*) exit 7;; esac; ${fetched}` })(lines.linux)
      expect(output).toMatch(
        /^agent discover --state \/var\/lib\/deployx-agent --hub \[fd00::1\]:7480 in /m,
      )
      expect(output).toMatch(/^agent install-service in /m)
      const mac = pc({ curl: fetched, shasum: 'cat > /dev/null' })(lines.macos)
      expect(mac.output).toMatch(
        /^agent discover --state \/Library\/Application Support\/DeployX\/agent --hub 192/m,
      )
      const refusing = pc({ curl: fetched }, 'echo called >> ${0%/*}/called; exit 5')(lines.linux)
      expect(refusing.code).toBe(5)
    })

    it('installs a file that the user has brought as a service, from a folder that only root can access', () => {
      const line = enrollmentCommands(CODE, ADDRESSES, () => []).linux
      program(join(cwd, 'deployx-agent'), AGENT())
      const { output, code } = pc({})(line)
      expect(code).toBe(0)
      expect(output).toMatch(
        /^agent install-service --code DX1.abc in home-of-root\/deployx-\w{10}$/m,
      )
      rmSync(join(cwd, 'deployx-agent'))
      expect(pc({})(line).code).toBe(1)
    })

    it('refuses a file that other users could have replaced', () => {
      const line = enrollmentCommands(CODE, ADDRESSES, () => []).linux
      const file = join(cwd, 'deployx-agent')
      const refused = () => {
        const { output, code, out } = pc({})(line)
        expect(code).toBe(1)
        expect(output).not.toContain('agent install-service')
        expect(out).toContain('Other users could have replaced ./deployx-agent.')
      }
      program(file, AGENT())
      for (const path of [file, cwd])
        for (const mode of [0o775, 0o757]) {
          chmodSync(path, mode)
          refused()
          chmodSync(path, 0o755)
        }
      expect(pc({})(line).code).toBe(0)
      rmSync(join(bin, 'output'))
      rmSync(file)
      symlinkSync(join(bin, 'agent-file'), file)
      refused()
    })

    it.skipIf(process.getuid?.() !== 0)('refuses a file or folder of another user', () => {
      const line = enrollmentCommands(CODE, ADDRESSES, () => []).linux
      const file = join(cwd, 'deployx-agent')
      program(file, AGENT())
      for (const path of [file, cwd]) {
        chownSync(path, 65_534, 65_534)
        expect(pc({})(line).code).toBe(1)
        expect(pc({})(line, { SUDO_UID: '65534' }).code).toBe(0)
        chownSync(path, 0, 0)
      }
    })

    it('is a single line for a shell', () => {
      for (const code of [CODE, null])
        for (const offers of [both, () => []])
          for (const line of Object.values(enrollmentCommands(code, ADDRESSES, offers)))
            expect(line).not.toMatch(/[\n!]/)
    })
  },
)
