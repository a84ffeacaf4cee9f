/** Attacks by installers, local users and the agent's own environment on a running agent. */
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startAgent } from '../test-kit/agent-process.ts'
import { countingScript, countRuns, isPidAlive, setStage, type Stage } from '../test-kit/stage.ts'

let stage: Stage
beforeEach(async () => {
  stage = await setStage()
})
afterEach(() => stage.clear())

/** Sockets of the process `pid` that accept connections or datagrams, from any of the kernel's tables. */
function listening(pid: number): string[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? []
      } catch {
        return []
      }
    }),
  )
  const rows = (table: string) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n').slice(1)
  const LISTEN = '0A'
  return [
    ...['tcp', 'tcp6', 'udp', 'udp6'].flatMap((table) =>
      rows(table).filter((row) => {
        const cells = row.trim().split(/\s+/)
        return inodes.has(cells[9] ?? '') && (table.startsWith('udp') || cells[3] === LISTEN)
      }),
    ),
    // Unix sockets: the flag 00010000 marks one that listens.
    ...rows('unix').filter((row) => {
      const cells = row.trim().split(/\s+/)
      return cells[3] === '00010000' && inodes.has(cells[6] ?? '')
    }),
  ]
}

describe.skipIf(process.platform !== 'linux')('a running agent', () => {
  it('listens on no socket, neither idle nor while an installer runs', async () => {
    const agent = await stage.connect()
    const pid = agent.process.pid!
    expect(readdirSync(`/proc/${pid}/fd`).length).toBeGreaterThan(3)
    expect(listening(pid)).toEqual([])
    const command = stage.hub.payload({ content: countingScript('sleep 2') })
    await stage.hub.deploy(command)
    await stage.hub.until('an installer', () => countRuns(stage.rootPath) === 1)
    expect(listening(pid)).toEqual([])
    const { process: installer } = stage.readAttemptFile<{ process: { pid: number } }>(
      command.attempt_id,
      'installer.json',
    )!
    expect(listening(installer.pid)).toEqual([])
    await stage.hub.result(command)
  })

  it('passes nothing of its own environment to an installer, above all no loader variables and options', async () => {
    const agent = startAgent(
      [
        'run',
        '--state',
        stage.statePath,
        '--install-root',
        stage.rootPath,
        '--code',
        stage.hub.code(),
      ],
      {
        env: {
          LD_LIBRARY_PATH: '/tmp/evil',
          NODE_OPTIONS: '--no-deprecation',
          NODE_EXTRA_CA_CERTS: '/dev/null',
          BASH_ENV: '/tmp/evil.sh',
          ENV: '/tmp/evil.sh',
          PYTHONPATH: '/tmp/evil',
          PERL5OPT: '-Mevil',
          IFS: 'x',
          USER: 'evil',
          LOGNAME: 'evil',
          SHELL: '/tmp/evil',
          LANG: 'evil',
          LC_ALL: 'evil',
          TMPDIR: '/tmp/evil',
          PATH: `/tmp/evil:${process.env['PATH'] ?? ''}`,
          DEPLOYX_SECRET_OF_THE_AGENT: 'x',
        },
      },
    )
    try {
      await stage.hub.connected()
      const command = stage.hub.payload({
        content: Buffer.from('#!/bin/sh\ntr "\\0" "\\n" < /proc/self/environ\n'),
      })
      await stage.hub.deploy(command)
      await stage.hub.result(command)
      const output = stage.hub.outputOf(command)!
      expect(output).toContain(`DEPLOYX_ATTEMPT_ID=${command.attempt_id}`)
      const named = output.split('\n').flatMap((line) => /^(\w+)=/.exec(line)?.[1] ?? [])
      // A shell may add these itself.
      const names = named.filter((name) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name))
      expect(names.sort()).toEqual([
        'DEBIAN_FRONTEND',
        'DEPLOYX_ATTEMPT',
        'DEPLOYX_ATTEMPT_ID',
        'DEPLOYX_DEPLOYMENT_ID',
        'DEPLOYX_INSTALL_ROOT',
        'DEPLOYX_TARGET_ID',
        'HOME',
        'LANG',
        'LC_ALL',
        'LOGNAME',
        'PATH',
        'SHELL',
        'TMPDIR',
        'USER',
      ])
      expect(output).toContain(`TMPDIR=${join(stage.statePath, 'work', command.attempt_id, 't')}\n`)
      expect(output).not.toContain('evil')
    } finally {
      await agent.kill('SIGKILL')
    }
  })

  it('kills an installer and all the children it has started when its time limit is over', async () => {
    await stage.connect()
    const script = countingScript(
      'i=0; while [ $i -lt 60 ]; do (setsid sh -c "trap \'\' TERM; sleep 300" & echo $! >> "$DEPLOYX_INSTALL_ROOT/pids") & i=$((i+1)); done',
      'yes endless',
    )
    const command = stage.hub.payload({ content: script, timeout_seconds: 3 })
    await stage.hub.deploy(command)
    const result = await stage.hub.result(command)
    expect(result).toMatchObject({ status: 'failed', reason: 'timeout' })
    const pids = readFileSync(join(stage.rootPath, 'pids'), 'utf8').trim().split('\n').map(Number)
    expect(pids.length).toBe(60)
    await expect.poll(() => pids.filter(isPidAlive).length).toBe(0)
    // It wrote without end; only a limited part is kept.
    const log = join(stage.attemptFolder(command.attempt_id), 'output.log')
    if (existsSync(log)) expect(statSync(log).size).toBeLessThan(64 * 1024 * 1024)
  })
})

describe.skipIf(process.platform === 'win32')(
  'a planted folder or file in the place of a package',
  () => {
    const genuine = countingScript('exit 0')
    /** Completes a first command, so that the agent has already cleaned up leftover folders. */
    async function connectAndWork(): Promise<void> {
      await stage.connect()
      const first = stage.hub.payload()
      await stage.hub.deploy(first)
      await stage.hub.result(first)
    }
    it('is not followed if it is a link, and its destination is not touched', async () => {
      await connectAndWork()
      const command = stage.hub.payload({ content: genuine })
      const victim = join(stage.rootPath, 'victim')
      mkdirSync(victim)
      symlinkSync(victim, stage.attemptFolder(command.attempt_id))
      await stage.hub.deploy(command)
      expect(await stage.hub.result(command)).toMatchObject({
        status: 'failed',
        reason: 'internal',
      })
      for (const name of ['setup.sh', 'spec.json']) expect(readdirSync(victim)).not.toContain(name)
      expect(countRuns(stage.rootPath)).toBe(0)
    })

    it.each(['symbolic', 'hard'] as const)(
      'is not written through if the package is a %s link',
      async (kind) => {
        await connectAndWork()
        const command = stage.hub.payload({ content: genuine })
        const victim = join(stage.statePath, 'victim')
        writeFileSync(victim, 'as it was')
        mkdirSync(stage.workFolder(command.attempt_id), { recursive: true, mode: 0o700 })
        const link = kind === 'symbolic' ? symlinkSync : linkSync
        link(victim, join(stage.workFolder(command.attempt_id), 'setup.sh'))
        await stage.hub.deploy(command)
        expect(await stage.hub.result(command)).toMatchObject({
          status: 'failed',
          reason: 'internal',
        })
        expect(readFileSync(victim, 'utf8')).toBe('as it was')
        expect(countRuns(stage.rootPath)).toBe(0)
      },
    )

    it('is not run just because it has the right length: it is hashed, and downloaded again', async () => {
      await connectAndWork()
      const command = stage.hub.payload({ content: genuine })
      const evil = Buffer.from(
        '#!/bin/sh\necho evil > "$DEPLOYX_INSTALL_ROOT/evil"\n'.padEnd(genuine.length, '#'),
      ).subarray(0, genuine.length)
      mkdirSync(stage.workFolder(command.attempt_id), { recursive: true, mode: 0o700 })
      writeFileSync(join(stage.workFolder(command.attempt_id), 'setup.sh'), evil)
      await stage.hub.deploy(command)
      expect(await stage.hub.result(command)).toMatchObject({ status: 'success' })
      expect(existsSync(join(stage.rootPath, 'evil'))).toBe(false)
      expect(countRuns(stage.rootPath)).toBe(1)
    })

    it('cannot be created by other users: folders of attempts are private while an installer runs', async () => {
      await connectAndWork()
      chmodSync(stage.rootPath, 0o755)
      const command = stage.hub.payload({ content: countingScript('sleep 1') })
      await stage.hub.deploy(command)
      await stage.hub.until('an installer', () => countRuns(stage.rootPath) === 1)
      for (const path of [
        stage.statePath,
        join(stage.statePath, 'attempts'),
        stage.attemptFolder(command.attempt_id),
        join(stage.statePath, 'work'),
        dirname(stage.workFolder(command.attempt_id)),
      ])
        expect(statSync(path).mode & 0o077, path).toBe(0)
      for (const name of readdirSync(stage.attemptFolder(command.attempt_id)))
        expect(
          statSync(join(stage.attemptFolder(command.attempt_id), name)).mode & 0o077,
          name,
        ).toBe(0)
      await stage.hub.result(command)
    })
  },
)
