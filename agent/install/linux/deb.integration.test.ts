/**
 * Real .deb packages: into this PC as root where that is possible (a warning is printed where not), and into
 * a temporary root as an unprivileged user. Uses a package of Debian where it is available.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { DeployPayload } from '#shared/contract/agent/link.ts'
import { makeFolder, startAgent } from '../../test-kit/agent-process.ts'
import { buildDeb } from '../../test-kit/deb.ts'
import { setStage, type Stage } from '../../test-kit/stage.ts'
import { debStates, removeHalfInstalled } from './deb.ts'

const isRoot = process.getuid?.() === 0
const hasDpkg = spawnSync('dpkg', ['--version']).status === 0
const hasApt = spawnSync('apt-get', ['--version']).status === 0
const mayInstall = isRoot && hasDpkg && hasApt
if (!mayInstall)
  process.stderr.write('SKIPPED: .deb packages into this PC (needs root, dpkg and apt-get)\n')

/** Without a manual page: on some PCs, updating their index takes longer than everything else here. */
const OF_DEBIAN = 'dns-root-data'
const ITS_FILE = '/usr/share/dns/root.hints'

/** A package that Debian made, or null without a network. */
function fetchOfDebian(): Buffer | null {
  const folder = makeFolder()
  try {
    chmodSync(folder.path, 0o777)
    execFileSync('apt-get', ['download', OF_DEBIAN], { cwd: folder.path, stdio: 'ignore' })
    const name = readdirSync(folder.path).find((file) => file.endsWith('.deb'))
    return name ? readFileSync(join(folder.path, name)) : null
  } catch {
    return null
  } finally {
    folder.remove()
  }
}

/** The magic number of .rpm packages. */
const RPM_LEAD = Buffer.from('edabeedb0300', 'hex')

let ofDebian: Buffer | null = null
beforeAll(() => {
  ofDebian = hasApt ? fetchOfDebian() : null
  if (!ofDebian)
    process.stderr.write(`SKIPPED: Debian's package (apt-get download ${OF_DEBIAN} did not work)\n`)
})

let stage: Stage
let work: ReturnType<typeof makeFolder>
beforeEach(async () => {
  stage = await setStage()
  work = makeFolder()
})
afterEach(async () => {
  await stage.clear()
  work.remove()
})

function debPayload(content: Buffer, name: string, more: Partial<DeployPayload> = {}) {
  return stage.hub.payload({
    content,
    kind: 'deb',
    file_name: `${name}.deb`,
    detection: { type: 'dpkg', name, operator: 'ge' },
    ...more,
  })
}
async function deploy(command: DeployPayload) {
  expect(await stage.hub.deploy(command)).toEqual({ accepted: true })
  return stage.hub.result(command, 120_000)
}
const statusOf = async (name: string): Promise<string> =>
  (await debStates(name, null))?.[0]?.status ?? 'unknown to dpkg'

describe.runIf(mayInstall)('a .deb package on this PC, as root', () => {
  beforeEach(async () => {
    await stage.connect(['--code', stage.hub.code()])
  })

  it('installs a package of Debian, detects it the next time, and removes it again', async (context) => {
    if (!ofDebian) return context.skip()
    if ((await statusOf(OF_DEBIAN)) === 'installed') {
      process.stderr.write(`SKIPPED: ${OF_DEBIAN} is installed here already and is left alone\n`)
      return context.skip()
    }
    const rule = {
      detection: { type: 'dpkg', name: OF_DEBIAN, version: '2019', operator: 'ge' },
    } as const
    const installed = debPayload(ofDebian, OF_DEBIAN, rule)
    expect(await deploy(installed)).toMatchObject({ status: 'success', exit_code: 0 })
    expect(stage.hub.outputOf(installed)).toContain(`Setting up ${OF_DEBIAN}`)
    expect(readFileSync(ITS_FILE, 'utf8')).toContain('ROOT-SERVERS')
    expect(await deploy(debPayload(ofDebian, OF_DEBIAN, rule))).toMatchObject({
      status: 'skipped',
      reason: 'already_installed',
    })
    const newer = { ...rule.detection, version: '9999999999' }
    expect(await deploy(debPayload(ofDebian, OF_DEBIAN, { detection: newer }))).toMatchObject({
      status: 'failed',
      reason: 'not_detected',
    })
    const removal = debPayload(ofDebian, OF_DEBIAN, { action: 'uninstall' })
    expect(await deploy(removal)).toMatchObject({ status: 'success' })
    expect(existsSync(ITS_FILE)).toBe(false)
    expect(await deploy(debPayload(ofDebian, OF_DEBIAN, { action: 'uninstall' }))).toMatchObject({
      status: 'skipped',
    })
  })

  it('fails for a file that is not a package, and says so', async () => {
    const result = await deploy(debPayload(Buffer.from('not a package'), 'junk'))
    expect(result).toMatchObject({
      status: 'failed',
      reason: 'install_failed',
      message: 'The file is not a readable .deb package.',
    })
  })

  it('fails for a truncated package, and leaves nothing half-installed', async () => {
    const name = 'deployx-test-cut'
    const whole = buildDeb(work.path, { name, extraBytes: 1024 * 1024 })
    const command = debPayload(whole.subarray(0, whole.length / 2), name)
    const result = await deploy(command)
    expect(result).toMatchObject({ status: 'failed', reason: 'install_failed', exit_code: 100 })
    expect(stage.hub.outputOf(command)).toMatch(/Could not read meta data|unexpected end of file/)
    expect(await statusOf(name)).not.toMatch(/^(installed|unpacked|half-)/)
    expect(existsSync(`/usr/share/deployx-test/${name}.bin`)).toBe(false)
  })

  it('fails on an unmet dependency and leaves nothing half-installed', async () => {
    const name = 'deployx-test-unmet'
    const deb = buildDeb(work.path, { name, depends: 'deployx-test-nonexistent' })
    const command = debPayload(deb, name)
    const result = await deploy(command)
    expect(result).toMatchObject({ status: 'failed', reason: 'install_failed', exit_code: 100 })
    expect(result.error_details).toContain('deployx-test-nonexistent')
    expect(await statusOf(name)).toBe('unknown to dpkg')
  })

  it('removes a package that its failing script left half-installed, and says so', async () => {
    const name = 'deployx-test-failing'
    const postinst = '#!/bin/sh\necho "the script gives up"\nexit 1\n'
    const command = debPayload(buildDeb(work.path, { name, postinst }), name)
    const result = await deploy(command)
    expect(result).toMatchObject({ status: 'failed', reason: 'install_failed', exit_code: 100 })
    const output = stage.hub.outputOf(command)!
    expect(output).toContain('the script gives up')
    expect(output).toContain(`[deployx] The failed installation left ${name}`)
    expect(output).toContain(`[deployx] ${name} is removed.`)
    expect(await statusOf(name)).toBe('unknown to dpkg')
    expect(existsSync(`/usr/share/deployx-test/${name}`)).toBe(false)
  })
})

describe.runIf(mayInstall)('a package that dpkg left unpacked', () => {
  const name = 'deployx-test-unpacked'
  const lines: string[] = []
  const appendOutput = (line: string): void => void lines.push(line)

  it('is removed, unless it was there before', async () => {
    const deb = join(work.path, `${name}.deb`)
    buildDeb(work.path, { name, depends: 'deployx-test-nonexistent' })
    expect(spawnSync('dpkg', ['-i', deb]).status).toBe(1)
    expect(await statusOf(name)).toBe('unpacked')
    await removeHalfInstalled({ package_name: name, was_installed: true }, null, appendOutput)
    expect(await statusOf(name)).toBe('unpacked')
    expect(lines).toEqual([`${name} was there before and is now unpacked; it is left as it is.`])
    await removeHalfInstalled({ package_name: name, was_installed: false }, null, appendOutput)
    expect(await statusOf(name)).toBe('unknown to dpkg')
    expect(lines.at(-1)).toBe(`${name} is removed.`)
  })
})

describe.runIf(hasDpkg)('a .deb package into an install root', () => {
  /** An agent of another user, if this one may switch users. */
  function startUnprivileged(more: string[]) {
    if (!isRoot) return stage.start(more)
    const setpriv = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
    execFileSync('chown', ['-R', '65534:65534', stage.statePath, stage.rootPath])
    return startAgent(['run', '--state', stage.statePath, ...more], {
      wrap: setpriv,
      env: { HOME: tmpdir() },
    })
  }

  it('is installed, detected and removed without any privilege, and touches nothing else', async () => {
    const name = 'deployx-test-plain'
    const deb = ofDebian ?? buildDeb(work.path, { name })
    const packageName = ofDebian ? OF_DEBIAN : name
    const before = await statusOf(packageName)
    const agent = startUnprivileged([
      ...['--code', stage.hub.code()],
      ...['--install-root', stage.rootPath],
    ])
    try {
      await stage.hub.connected()
      const install = debPayload(deb, packageName)
      expect(await deploy(install)).toMatchObject({ status: 'success', exit_code: 0 })
      const file = ofDebian ? ITS_FILE.slice(1) : `usr/share/deployx-test/${name}`
      expect(existsSync(join(stage.rootPath, file))).toBe(true)
      expect(await deploy(debPayload(deb, packageName))).toMatchObject({ status: 'skipped' })
      expect(await deploy(debPayload(deb, packageName, { action: 'uninstall' }))).toMatchObject({
        status: 'success',
      })
      expect(existsSync(join(stage.rootPath, file))).toBe(false)
      expect(await statusOf(packageName)).toBe(before)

      const half = { name: 'deployx-test-half', postinst: '#!/bin/sh\nexit 1\n' }
      const failing = debPayload(buildDeb(work.path, half), half.name)
      expect(await deploy(failing)).toMatchObject({ status: 'failed', exit_code: 1 })
      expect(stage.hub.outputOf(failing)).toContain(`[deployx] ${half.name} is removed.`)
      expect(existsSync(join(stage.rootPath, 'usr/share/deployx-test', half.name))).toBe(false)
    } finally {
      await agent.kill('SIGKILL')
    }
  })

  it('replaces the older version, and an older version leaves it alone', async () => {
    const name = 'deployx-test-grown'
    const versionNow = async () => (await debStates(name, stage.rootPath))?.[0]?.version
    await stage.connect()
    const deployVersion = (version: string) =>
      deploy(
        debPayload(buildDeb(work.path, { name, version }), name, {
          detection: { type: 'dpkg', name, version, operator: 'ge' },
        }),
      )
    expect(await deployVersion('1.0-1')).toMatchObject({ status: 'success' })
    expect(await versionNow()).toBe('1.0-1')
    expect(await deployVersion('1:1.1~rc1')).toMatchObject({ status: 'success' })
    expect(await versionNow()).toBe('1:1.1~rc1')
    expect(await deployVersion('1.9')).toMatchObject({
      status: 'skipped',
      reason: 'already_installed',
    })
    expect(await versionNow()).toBe('1:1.1~rc1')
  })

  it.runIf(isRoot)(
    'is refused with a reason without root and without an install root, like an .rpm',
    async () => {
      const agent = startUnprivileged(['--code', stage.hub.code()])
      try {
        await stage.hub.connected()
        const deb = buildDeb(work.path, { name: 'deployx-test-rights' })
        expect(await deploy(debPayload(deb, 'deployx-test-rights'))).toMatchObject({
          status: 'failed',
          reason: 'permission',
          message: 'A .deb package needs root: run the agent as root on this PC.',
        })
        const rpm = stage.hub.payload({ content: RPM_LEAD, kind: 'rpm', file_name: 'a.rpm' })
        const hasRpm = spawnSync('rpm', ['--version']).status === 0
        expect(await deploy(rpm)).toMatchObject(
          hasRpm ? { status: 'failed', reason: 'permission' } : { reason: 'install_failed' },
        )
        // Any user may run a script; the system reports what it may not do.
        const script = stage.hub.payload({
          content: Buffer.from('#!/bin/sh\necho x > /etc/deployx-test-rights || exit 4\n'),
        })
        expect(await deploy(script)).toMatchObject({ status: 'failed', exit_code: 4 })
        expect(stage.hub.outputOf(script)).toMatch(/\/etc\/deployx-test-rights: Permission denied/)
      } finally {
        await agent.kill('SIGKILL')
      }
      mkdirSync(stage.rootPath, { recursive: true })
    },
  )
})
