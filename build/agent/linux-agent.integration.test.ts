/**
 * The single-file agent for Linux, as released, with a real controller and without any source files:
 * enrolment and deployments end to end.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EVENT_LIMIT_MS, until } from '#shared/test-kit/until.ts'
import { buildDeb } from '../../agent/test-kit/deb.ts'
import { agentDist, packageAgents } from '../package-agent.ts'
import { run } from '../support/run.ts'
import { openOnePcOffice, type OnePcOffice } from './one-pc-office.ts'
import { targetsByIds } from './targets.ts'

const LIMIT_MS = 300_000
const canRun = process.platform === 'linux' && process.arch === 'x64'
if (!canRun) process.stderr.write('SKIPPED: the agent for Linux x64 does not run here\n')

describe.skipIf(!canRun)('the agent for Linux', { timeout: LIMIT_MS }, () => {
  let folder: string
  let agent: string
  let office: OnePcOffice
  let child: ChildProcess | null = null
  let output = ''

  beforeAll(async () => {
    const [made] = await packageAgents(targetsByIds(['linux-x64']), (message) =>
      console.error(message),
    )
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'deployx-file-'))
    // In a folder of its own, so that it cannot use any project file.
    agent = path.join(folder, 'deployx-agent')
    await fs.copyFile(made!.file, agent)
    await fs.mkdir(path.join(folder, 'root'))
    office = await openOnePcOffice(agentDist)
  }, 300_000)
  afterAll(async () => {
    await kill()
    await office?.close()
    if (folder) await fs.rm(folder, { recursive: true, force: true, maxRetries: 5 })
  })

  const ask = (...args: string[]) =>
    run(agent, args, { timeoutMs: EVENT_LIMIT_MS, cwd: folder, env: { PATH: '/usr/bin:/bin' } })
  function start(...more: string[]): void {
    const args = ['run', '--state', path.join(folder, 'state'), ...more]
    args.push('--install-root', path.join(folder, 'root'))
    child = spawn(agent, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr!.on('data', (chunk: Buffer) => (output += chunk.toString()))
  }
  async function kill(): Promise<void> {
    const running = child
    if (!running || running.exitCode !== null || running.signalCode !== null) return
    const closed = new Promise((resolve) => running.once('close', resolve))
    running.kill('SIGKILL')
    await closed
  }
  const inRoot = (name: string): string => path.join(folder, 'root', name)

  it('is listed in SHA256SUMS with its hash', () => {
    const hash = createHash('sha256').update(readFileSync(agent)).digest('hex')
    const sums = readFileSync(path.join(agentDist, 'SHA256SUMS'), 'utf8')
    expect(sums.split('\n')).toContain(`${hash}  deployx-agent-linux-x64`)
  })

  it('prints its version, its help and usage errors without any other file', async () => {
    const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
    expect(await ask('--version')).toMatchObject({ code: 0, stdout: `${manifest.version}\n` })
    const help = await ask('--help')
    expect(help).toMatchObject({ code: 0, stderr: '' })
    expect(help.stdout).toContain('Usage: deployx-agent COMMAND')
    const wrong = await ask('fly')
    expect(wrong.code).toBe(2)
    expect(wrong.stderr.trim().split('\n')).toHaveLength(1)
  })

  it('ignores Node options in its environment', async () => {
    const env = { PATH: '/usr/bin', NODE_OPTIONS: '--require /nowhere.js', NODE_EXTRA: '1' }
    const { code } = await run(agent, ['--version'], { timeoutMs: EVENT_LIMIT_MS, env })
    expect(code).toBe(0)
  })

  it('is downloaded by the copied command line, which runs nothing if the hash differs', async (context) => {
    const has = await run('curl', ['--version'], { timeoutMs: EVENT_LIMIT_MS }).catch(() => null)
    if (!has) return context.skip('there is no curl here')
    const line = await office.linuxLine()
    const pc = path.join(folder, 'pc')
    await fs.mkdir(pc)
    // All but the last step, which would change this computer.
    const lastStep = /\.\/deployx-agent install-service --code DX1\.[^"]+/
    expect(line).toMatch(lastStep)
    const harmless = line
      .replace(lastStep, './deployx-agent --version')
      .replace('~root', pc)
      .replace('s=sudo', 's=')
    const shell = (text: string) => run('sh', ['-c', text], { timeoutMs: EVENT_LIMIT_MS, cwd: pc })
    const good = await shell(harmless)
    expect(good).toMatchObject({ code: 0 })
    expect(good.stdout).toMatch(/deployx-agent: OK\n\d+\.\d+\.\d+\n$/)
    const other = await shell(harmless.replace(/[0-9a-f]{64}/, '0'.repeat(64)))
    expect(other.code).not.toBe(0)
    expect(other.stdout).not.toMatch(/\d+\.\d+\.\d+\n/)
    expect(await fs.readdir(pc)).toEqual([])
  })

  it('refuses to become a service in a folder that other users can write to', async (context) => {
    if (process.getuid?.() !== 0) return context.skip('this needs root')
    const open = path.join(folder, 'open')
    await fs.mkdir(open)
    await fs.chmod(open, 0o777)
    const there = path.join(open, 'deployx-agent')
    await fs.link(agent, there)
    const words = ['install-service', '--code', await office.makeCode()]
    const { code, stderr } = await run(there, words, { timeoutMs: EVENT_LIMIT_MS, cwd: open })
    expect(code).toBe(1)
    expect(stderr).toContain(`Other users may write to ${open}.`)
    expect(stderr).toContain('run it there')
    expect(existsSync('/var/lib/deployx-agent')).toBe(false)
    await fs.rm(open, { recursive: true })
  })

  it('enrols with a code and appears in the console', async () => {
    start('--code', await office.makeCode(), '--name', 'OFFICE-1')
    await office.untilEnrolled()
    expect(await office.device()).toMatchObject({ name: 'OFFICE-1', platform: 'linux' })
  })

  it('installs a .deb package, and skips it the second time', async () => {
    const file = path.join(folder, 'tool.deb')
    writeFileSync(file, buildDeb(folder, { name: 'deployx-tool', version: '1.2' }))
    const software = await office.addSoftware(file)
    const first = await office.untilEnded(await office.start(software))
    expect(first, output).toMatchObject({ deployment_status: 'completed', exit_code: 0 })
    expect(existsSync(inRoot('usr/share/deployx-test/deployx-tool'))).toBe(true)
    expect(await office.untilEnded(await office.start(software))).toMatchObject({
      deployment_status: 'skipped',
      reason: 'already_installed',
    })
    const removed = await office.untilEnded(await office.start(software, { action: 'uninstall' }))
    expect(removed).toMatchObject({ deployment_status: 'completed' })
    expect(existsSync(inRoot('usr/share/deployx-test/deployx-tool'))).toBe(false)
  })

  it('runs a script, and resumes it after the agent itself was killed', async () => {
    const file = path.join(folder, 'slow.sh')
    const lines = ['#!/bin/sh', 'echo run >> "$DEPLOYX_INSTALL_ROOT/runs"', 'echo before']
    const waits =
      'for i in $(seq 300); do [ -e "$DEPLOYX_INSTALL_ROOT/go-on" ] && break; sleep 0.1; done'
    writeFileSync(file, [...lines, waits, 'echo after', 'exit 3', ''].join('\n'))
    const id = await office.start(await office.addSoftware(file))
    await until('the script to run', async () => existsSync(inRoot('runs')))
    await kill()
    start()
    await office.untilOnline()
    writeFileSync(inRoot('go-on'), '')
    const ended = await office.untilEnded(id)
    expect(ended, output).toMatchObject({ deployment_status: 'failed', exit_code: 3 })
    expect(ended.output).toBe('before\nafter\n')
    expect(readFileSync(inRoot('runs'), 'utf8')).toBe('run\n')
  })
})
