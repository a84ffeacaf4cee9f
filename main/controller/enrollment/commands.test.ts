import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DevicePlatform } from '#shared/domain/platforms.ts'
import { enrollmentCommands, type Offer } from './commands.ts'

const CODE = 'DX1.abc'
const ADDRESS = '192.168.1.20:7480'
const offer = (platform: string, arch: string, digit: string): Offer => ({
  fileName: `deployx-agent-${platform}-${arch}`,
  arch,
  sha256: digit.repeat(64),
})
const both = (platform: DevicePlatform): Offer[] => [
  offer(platform, 'x64', 'a'),
  offer(platform, 'arm64', 'b'),
]

describe('the line of an agent that is not here', () => {
  it('makes a file that a person brought a service', () => {
    const { windows, linux, macos } = enrollmentCommands(CODE, ADDRESS, () => [])
    expect(windows).toBe('.\\deployx-agent.exe install-service --code DX1.abc')
    expect(linux).toBe('sudo ./deployx-agent install-service --code DX1.abc')
    expect(macos).toBe(linux)
  })

  it('compares digits first where there is no code', () => {
    const { windows, linux, macos } = enrollmentCommands(null, ADDRESS, () => [])
    expect(linux).toBe(
      'sudo ./deployx-agent discover --state /var/lib/deployx-agent && sudo ./deployx-agent install-service',
    )
    expect(macos).toContain('--state "/Library/Application Support/DeployX/agent" && ')
    expect(windows).toBe(
      '.\\deployx-agent.exe discover --state "$env:ProgramData\\DeployX\\agent"; if ($?) { .\\deployx-agent.exe install-service }',
    )
  })
})

it('names the hub to an agent that came from it, where digits are compared', () => {
  const lines = enrollmentCommands(null, ADDRESS, both)
  for (const line of Object.values(lines)) expect(line).toContain(` --hub ${ADDRESS}`)
})

describe.skipIf(process.platform === 'win32')('the line for Linux, run by a shell', () => {
  let bin: string
  beforeEach(() => {
    bin = mkdtempSync(join(tmpdir(), 'deployx-line-'))
  })
  afterEach(() => rmSync(bin, { recursive: true, force: true }))

  /** Programs that only say how they were called, in a folder that is all of PATH. */
  function pc(programs: Record<string, string>): (line: string) => string {
    for (const [name, does] of Object.entries(programs)) {
      writeFileSync(join(bin, name), `#!/bin/sh\necho ${name} "$@" >> ${bin}/said\n${does}\n`)
      chmodSync(join(bin, name), 0o755)
    }
    const agent = `printf '#!/bin/sh\\necho agent "$@" >> ${bin}/said\\n' > deployx-agent`
    const fetcher = join(bin, programs['curl'] === undefined ? 'wget' : 'curl')
    writeFileSync(fetcher, `#!/bin/sh\necho ${fetcher} "$@" >> ${bin}/said\n${agent}\n`)
    chmodSync(fetcher, 0o755)
    return (line) => {
      // The shell of a person, of which only the quoting matters here; `sh` and `chmod` are the real ones.
      const found = (name: string) => spawnSync('which', [name], { encoding: 'utf8' }).stdout.trim()
      const words = line.replace(/^sh /, `${found('sh')} `).replace('chmod', found('chmod'))
      const env = { PATH: bin }
      const ended = spawnSync(found('sh'), ['-c', words], { cwd: bin, env, encoding: 'utf8' })
      const said = readFileSync(join(bin, 'said'), 'utf8').replaceAll(`${bin}/`, '')
      return said + ended.stdout
    }
  }
  const { linux } = enrollmentCommands(CODE, ADDRESS, both)
  const url = `https://${ADDRESS}/agent/download/deployx-agent-linux`

  it('asks curl where there is one, and sudo for a person who is not root', () => {
    const said = pc({
      curl: '',
      uname: 'echo x86_64',
      id: 'echo 1000',
      sha256sum: 'cat >> said',
      cat: 'while read -r line; do echo "$line"; done',
      sudo: 'exec "$@"',
    })(linux)
    expect(said.split('\n')).toEqual(
      expect.arrayContaining([
        `curl -fsSk --retry 8 -o deployx-agent ${url}-x64`,
        `${'a'.repeat(64)}  deployx-agent`,
        'sudo ./deployx-agent install-service --code DX1.abc',
        'agent install-service --code DX1.abc',
      ]),
    )
  })

  it('asks wget where there is no curl, and needs no sudo for root', () => {
    const said = pc({ uname: 'echo aarch64', id: 'echo 0', sha256sum: 'exit 0' })(linux)
    expect(said).toContain(`wget -nv --no-check-certificate -O deployx-agent ${url}-arm64\n`)
    expect(said).toContain('agent install-service --code DX1.abc\n')
  })

  it('runs nothing of what has another hash', () => {
    const said = pc({ curl: '', uname: 'echo x86_64', id: 'echo 0', sha256sum: 'exit 1' })(linux)
    expect(said).toContain('sha256sum -c')
    expect(said).not.toContain('agent install-service')
  })

  it('fetches nothing for a processor that no agent is made for', () => {
    const said = pc({ curl: '', uname: 'echo riscv64', id: 'echo 0' })(linux)
    expect(said).toContain('There is no agent for riscv64.')
    expect(said).not.toContain('curl')
  })
})
