/**
 * Installations that fail on a real Debian: the disk is full, the file is damaged, the system is busy, a
 * script fails. Each test checks what the technician sees and that the PC is left in a clean state.
 */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { SoftwareFields } from '#shared/contract/rest/software.ts'
import { buildDeb, type DebParts } from '../../agent/test-kit/deb.ts'
import { buildRpm, type RpmParts } from '../../agent/test-kit/rpm.ts'
import { run } from '../support/run.ts'
import { ensureSystemPackages } from '../system-packages.ts'
import { nspawnObstacle } from './debian-pc.ts'
import { layout, setServiceStage, type ServiceStage } from './service-stage.ts'

const obstacle = process.arch === 'x64' ? await nspawnObstacle() : 'the agent is built for x64 only'
if (obstacle !== null)
  process.stderr.write(`SKIPPED: installations that fail on a real Debian: ${obstacle}\n`)
const LIMIT_MS = 300_000
const MIB = 1024 ** 2

describe.skipIf(obstacle !== null)('a failing installation', { timeout: LIMIT_MS }, () => {
  let stage: ServiceStage
  let hasRpmbuild = false
  beforeAll(async () => {
    await ensureSystemPackages(['package-tools'], (message) => console.error(message))
    hasRpmbuild =
      (await run('rpmbuild', ['--version'], { timeoutMs: 60_000 }).catch(() => null)) !== null
    if (!hasRpmbuild)
      process.stderr.write('SKIPPED: .rpm packages that fail (there is no rpmbuild)\n')
    stage = await setServiceStage('OFFICE-6')
    await stage.installService()
  }, 300_000)
  afterAll(async () => {
    await stage?.close()
  })
  afterEach(async () => {
    // Whatever happened, dpkg must not be left with a half-installed package.
    const audit = await stage.pc.exec(['dpkg', '--audit'])
    expect(audit).toMatchObject({ code: 0, stdout: '' })
  })

  const fileOf = (name: string, content: Buffer | string): string => {
    const file = path.join(stage.folder, name)
    writeFileSync(file, content)
    return file
  }
  const deploy = async (file: string, fields: Partial<SoftwareFields> = {}) =>
    stage.untilEnded(await stage.start(await stage.addSoftware(file, fields)))
  const deb = (parts: DebParts): Buffer => buildDeb(stage.folder, parts)
  const rpm = (parts: Omit<RpmParts, 'version'>): Buffer =>
    buildRpm(stage.folder, { version: '1.0', ...parts })
  /** Debian's rpm does not know the packages that dpkg installed. */
  const RPM_FIELDS = { install_args: '--nodeps' }
  const isInstalled = async (name: string): Promise<boolean> => {
    const query = ['dpkg-query', '--show', '--showformat=${db:Status-Status}', name]
    return (await stage.pc.exec(query)).stdout === 'installed'
  }

  /** Mounts a disk of this size on a folder of the PC while `work` runs. */
  async function withSmallDisk<T>(
    folder: string,
    size: string,
    work: () => Promise<T>,
  ): Promise<T> {
    const mount = `mkdir -p ${folder} && mount -t tmpfs -o size=${size},mode=0700 tmpfs ${folder}`
    expect(await stage.pc.sh(mount)).toMatchObject({ code: 0 })
    try {
      return await work()
    } finally {
      await stage.pc.exec(['umount', '--lazy', folder])
    }
  }

  describe('when the disk is full', () => {
    it('fails before the download and reports how much space is missing', async () => {
      const file = fileOf('large.sh', `#!/bin/sh\nexit 0\n#${'x'.repeat(4 * MIB)}`)
      const ended = await withSmallDisk(`${layout.state}/work`, '3m', () => deploy(file))
      expect(ended).toMatchObject({ deployment_status: 'failed', reason: 'disk_space' })
      expect(ended.result_message).toMatch(
        /^Not enough free disk space: \d+ MiB are needed, \d+ MiB are free\.$/,
      )
      expect(ended).not.toHaveProperty('exit_code')
    })

    it("rolls back a .deb package and shows dpkg's error", async () => {
      const name = 'deployx-too-large'
      const file = fileOf(`${name}.deb`, deb({ name, extraBytes: 2 * MIB }))
      const ended = await withSmallDisk('/usr/share/deployx-test', '256k', () => deploy(file))
      expect(ended).toMatchObject({ deployment_status: 'failed', reason: 'disk_space' })
      expect(ended.result_message).toMatch(
        /A disk of this PC is full\. Free some space on it, then retry\. It reported: “.*No space left on device/,
      )
      expect(ended.output).toContain('No space left on device')
      expect(await isInstalled(name)).toBe(false)
      expect(await deploy(file)).toMatchObject({ deployment_status: 'completed' })
    })

    it('installs no .rpm package and shows how much space is missing', async (context) => {
      if (!hasRpmbuild) return context.skip()
      const name = 'deployx-too-large-rpm'
      const file = fileOf(`${name}.rpm`, rpm({ name, fileBytes: 2 * MIB, into: '/opt/small' }))
      const ended = await withSmallDisk('/opt/small', '256k', () => deploy(file, RPM_FIELDS))
      expect(ended).toMatchObject({ deployment_status: 'failed', reason: 'disk_space' })
      expect(ended.result_message).toMatch(
        /A disk of this PC is full\. Free some space on it, then retry\. It reported: “.*on the \/opt\/small filesystem/,
      )
      expect(ended.output).toMatch(/needs .*more space on the \/opt\/small filesystem/)
      expect((await stage.pc.exec(['rpm', '-q', name])).code).not.toBe(0)
    })

    it("reports a script's own output and exit code", async () => {
      const lines = ['#!/bin/sh', 'head -c 1000000 /dev/zero > /srv/data || exit 7', '']
      const file = fileOf('fills.sh', lines.join('\n'))
      const ended = await withSmallDisk('/srv', '64k', () => deploy(file))
      expect(ended).toMatchObject({ deployment_status: 'failed', exit_code: 7 })
      expect(ended.output).toContain('No space left on device')
    })
  })

  describe('when the package is damaged', () => {
    /** Drops the last part, as a broken download or a faulty USB stick does. */
    const cut = (bytes: Buffer): Buffer => bytes.subarray(0, bytes.length - 600_000)

    it('refuses a damaged .deb file in the software library', async () => {
      const name = 'deployx-cut'
      const file = fileOf(`${name}.deb`, cut(deb({ name, extraBytes: MIB })))
      await expect(stage.addSoftware(file)).rejects.toThrow(/it is cut off/)
    })

    it('refuses an .rpm file that is cut off in the software library', async (context) => {
      if (!hasRpmbuild) return context.skip()
      const name = 'deployx-cut-rpm'
      const file = fileOf(`${name}.rpm`, cut(rpm({ name, fileBytes: MIB })))
      await expect(stage.addSoftware(file)).rejects.toThrow(/cut off/)
    })

    it("installs nothing from an .rpm file with a wrong byte and shows rpm's error", async (context) => {
      if (!hasRpmbuild) return context.skip()
      const name = 'deployx-damaged-rpm'
      const bytes = rpm({ name, fileBytes: MIB })
      const middle = bytes.length >> 1
      bytes.writeUInt8(bytes.readUInt8(middle) ^ 0xff, middle)
      const ended = await deploy(fileOf(`${name}.rpm`, bytes), RPM_FIELDS)
      expect(ended).toMatchObject({ deployment_status: 'failed', reason: 'install_failed' })
      expect(ended.output).toMatch(/BAD|cpio|read failed|not an rpm/)
      expect((await stage.pc.exec(['rpm', '-q', name])).code).not.toBe(0)
    })
  })

  it('finds by the detection rule that the last script of an .rpm failed, although rpm ignores that', async (context) => {
    if (!hasRpmbuild) return context.skip()
    const name = 'deployx-post'
    const file = fileOf(`${name}.rpm`, rpm({ name, post: 'echo the script gives up; exit 1' }))
    const ended = await deploy(file, {
      ...RPM_FIELDS,
      detection: { type: 'file', path: '/etc/deployx-post.conf' },
    })
    expect(ended).toMatchObject({
      deployment_status: 'failed',
      reason: 'not_detected',
      exit_code: 0,
    })
    expect(ended.output).toContain('the script gives up')
    expect(ended.output).toContain('scriptlet failed')
  })

  it('waits while another program holds the dpkg lock, then installs', async () => {
    const slow = '#!/bin/sh\ntouch /root/holds\nwhile [ ! -e /root/let-go ]; do sleep 0.1; done\n'
    const holder = deb({ name: 'deployx-holder', postinst: slow })
    writeFileSync(stage.pc.file('/root/holder.deb'), holder)
    const holding = stage.pc.sh('dpkg -i holder.deb')
    expect(await stage.pc.sh('while [ ! -e holds ]; do sleep 0.1; done')).toMatchObject({ code: 0 })
    const name = 'deployx-patient'
    const id = await stage.start(await stage.addSoftware(fileOf(`${name}.deb`, deb({ name }))))
    const fetched = `while [ ! -e ${layout.state}/work/*/p/${name}.deb ]; do sleep 0.1; done; sleep 3`
    expect(await stage.pc.sh(fetched)).toMatchObject({ code: 0 })
    // The package is downloaded, but its installer has not started yet.
    expect(await stage.target(id)).toMatchObject({
      deployment_status: 'downloading',
      reason: 'device_busy',
    })
    expect(await isInstalled(name)).toBe(false)
    await stage.pc.exec(['touch', '/root/let-go'])
    expect(await holding).toMatchObject({ code: 0 })
    const ended = await stage.untilEnded(id)
    expect(ended, await stage.journal()).toMatchObject({
      deployment_status: 'completed',
      exit_code: 0,
    })
    // apt-get did not have to wait: the agent waited before starting it.
    expect(ended.output).toContain(`Setting up ${name}`)
    expect(ended.output).not.toMatch(/lock/i)
  })
})
