/**
 * Newer versions over older ones that no package manager knows: AppImages and scripts. Real files and
 * processes, Linux.
 */
import { compose } from '#shared/domain/coded-texts/compose.ts'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DeployPayload } from '#shared/contract/agent/link.ts'
import type { Detection } from '#shared/contract/detection.ts'
import { countRuns, isPidAlive, setStage, type Stage } from '../../test-kit/stage.ts'
import { APPIMAGE_FOLDER, createLinuxInstallers } from './linux.ts'

const onLinux = process.platform === 'linux'
/** A real program: appended data, like the files in an AppImage, does not affect it. */
const program = (version: string): Buffer =>
  Buffer.concat([readFileSync('/bin/sleep'), Buffer.from(`\nversion ${version}\n`)])
const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

let stage: Stage
let running: ChildProcess[]
beforeEach(async () => {
  running = []
  stage = await setStage()
  await stage.connect()
})
afterEach(async () => {
  for (const child of running) child.kill('SIGKILL')
  expect(stage.hub.malformed).toEqual([])
  await stage.clear()
})

async function deploy(command: DeployPayload) {
  expect(await stage.hub.deploy(command)).toEqual({ accepted: true })
  return stage.hub.result(command)
}
const folder = () => join(stage.rootPath, APPIMAGE_FOLDER)

describe.runIf(onLinux)('a newer AppImage', () => {
  const file_name = 'Tool.AppImage'
  const path = `${APPIMAGE_FOLDER}/${file_name}`
  const copy = () => join(stage.rootPath, path)
  /** The rule contains the hash: an AppImage carries no version. */
  const version = (content: Buffer, more: Partial<DeployPayload> = {}) =>
    stage.hub.payload({
      content,
      kind: 'appimage',
      file_name,
      detection: { type: 'file', path, sha256: hashOf(content) },
      ...more,
    })
  const [one, two] = onLinux ? [program('1.0'), program('2.0')] : [Buffer.alloc(0), Buffer.alloc(0)]

  it('replaces the older one with the same name, and is distinguished from it', async () => {
    expect(await deploy(version(one))).toMatchObject({ status: 'success', exit_code: 0 })
    expect(await deploy(version(one))).toMatchObject({ status: 'skipped' })
    expect(await deploy(version(two))).toMatchObject({ status: 'success', exit_code: 0 })
    expect(readFileSync(copy()).equals(two)).toBe(true)
    expect(statSync(copy()).mode & 0o777).toBe(0o755)
    expect(spawnSync(copy(), ['0']).status).toBe(0)
    expect(await deploy(version(two))).toMatchObject({
      status: 'skipped',
      reason: 'already_installed',
    })
    expect(readdirSync(folder())).toEqual([file_name])
    const removal = version(two, { action: 'uninstall' })
    expect(await deploy(removal)).toMatchObject({ status: 'success' })
    expect(readdirSync(folder())).toEqual([])
  })

  it('replaces it while somebody uses the older one, without disturbing them', async () => {
    expect(await deploy(version(one))).toMatchObject({ status: 'success' })
    const old = spawn(copy(), ['120'], { stdio: 'ignore' })
    running.push(old)
    await once(old, 'spawn')
    expect(await deploy(version(two))).toMatchObject({ status: 'success' })
    expect(readFileSync(copy()).equals(two)).toBe(true)
    expect(isPidAlive(old.pid!)).toBe(true)
    expect(readFileSync(`/proc/${old.pid!}/exe`).equals(one)).toBe(true)
  })

  it('is installed beside the older one if its name differs', async () => {
    const named = (content: Buffer, name: string) =>
      version(content, {
        file_name: name,
        detection: { type: 'file', path: `${APPIMAGE_FOLDER}/${name}` },
      })
    expect(await deploy(named(one, 'Tool-1.0.AppImage'))).toMatchObject({ status: 'success' })
    expect(await deploy(named(two, 'Tool-2.0.AppImage'))).toMatchObject({ status: 'success' })
    expect(readdirSync(folder()).sort()).toEqual(['Tool-1.0.AppImage', 'Tool-2.0.AppImage'])
  })

  it('leaves the older one unchanged if it cannot be written completely', async () => {
    const work = mkdtempSync(join(tmpdir(), 'deployx-appimage-'))
    try {
      const put = async (bytes: Buffer, limitKib: number) => {
        const packageFile = join(work, 'package')
        writeFileSync(packageFile, bytes)
        const prepared = await createLinuxInstallers({ installRoot: work, isRoot: false }).prepare({
          payload: version(bytes),
          packageFile,
          folder: work,
        })
        if (!prepared.ok) throw new Error(compose(prepared.text))
        const { file, args } = prepared.command
        // As on a disk that is full after this much.
        const script = `trap '' XFSZ; ulimit -f ${limitKib}; exec "$@"`
        return spawnSync('bash', ['-c', script, 'bash', file, ...args]).status
      }
      const target = join(work, path)
      expect(await put(one, 1024)).toBe(0)
      expect(await put(two, 4)).not.toBe(0)
      expect(readFileSync(target).equals(one)).toBe(true)
      expect(readdirSync(join(work, APPIMAGE_FOLDER))).toEqual([file_name])
      expect(await put(two, 1024)).toBe(0)
      expect(readFileSync(target).equals(two)).toBe(true)
      expect(readdirSync(join(work, APPIMAGE_FOLDER))).toEqual([file_name])
    } finally {
      rmSync(work, { recursive: true, force: true })
    }
  })
})

describe.runIf(onLinux)('a script that installs a newer version', () => {
  const daemon = (): number => Number(readFileSync(join(stage.rootPath, 'opt/tool/pid'), 'utf8'))
  afterEach(() => {
    const pidFile = join(stage.rootPath, 'opt/tool/pid')
    if (existsSync(pidFile) && isPidAlive(daemon())) process.kill(daemon(), 'SIGKILL')
  })
  /** Installs a program that prints its version and runs in the background; stops the previous one. */
  const installer = (version: string): Buffer =>
    Buffer.from(`#!/bin/sh
set -e
echo run >> "$DEPLOYX_INSTALL_ROOT/runs"
tool="$DEPLOYX_INSTALL_ROOT/opt/tool"
mkdir -p "$tool"
[ ! -e "$tool/pid" ] || kill "$(cat "$tool/pid")"
cat > "$tool/tool.new" <<'PROGRAM'
#!/bin/sh
[ "$1" = serve ] || { echo "${version}"; exit; }
exec sleep 300
PROGRAM
chmod 755 "$tool/tool.new"
mv "$tool/tool.new" "$tool/tool"
"$tool/tool" serve < /dev/null > /dev/null 2>&1 &
echo $! > "$tool/pid"
echo "installed ${version}"
`)
  /** Installed, running, and of this version or a newer one. */
  const rule = (version: string): Detection => ({
    type: 'script',
    interpreter: 'sh',
    text: `tool="$DEPLOYX_INSTALL_ROOT/opt/tool"
[ -x "$tool/tool" ] && kill -0 "$(cat "$tool/pid")" || exit 1
found=$("$tool/tool")
[ "$(printf '%s\\n%s\\n' '${version}' "$found" | sort -V | head -n 1)" = '${version}' ]`,
  })
  const version = (number: string, content = installer(number)) =>
    stage.hub.payload({ content, detection: rule(number) })
  const reportedVersion = () =>
    spawnSync(join(stage.rootPath, 'opt/tool/tool'), [], { encoding: 'utf8' }).stdout.trim()

  it('replaces the older one and its running process, and its rule detects the newer one', async () => {
    expect(await deploy(version('1.9'))).toMatchObject({ status: 'success', exit_code: 0 })
    const before = daemon()
    expect([reportedVersion(), isPidAlive(before)]).toEqual(['1.9', true])

    const newer = version('1.10')
    expect(await deploy(newer)).toMatchObject({ status: 'success', exit_code: 0 })
    expect(stage.hub.outputOf(newer)).toContain('installed 1.10')
    expect([reportedVersion(), isPidAlive(before), isPidAlive(daemon())]).toEqual([
      '1.10',
      false,
      true,
    ])
    expect(countRuns(stage.rootPath)).toBe(2)

    // Neither the same nor an older version runs again.
    for (const number of ['1.10', '1.9'])
      expect(await deploy(version(number))).toMatchObject({
        status: 'skipped',
        reason: 'already_installed',
      })
    expect([reportedVersion(), countRuns(stage.rootPath)]).toEqual(['1.10', 2])
  })

  it('is detected as failed if it reports success without replacing the older one', async () => {
    expect(await deploy(version('1.9'))).toMatchObject({ status: 'success' })
    const before = daemon()
    const idle = Buffer.from('#!/bin/sh\necho run >> "$DEPLOYX_INSTALL_ROOT/runs"\nexit 0\n')
    expect(await deploy(version('2.0', idle))).toMatchObject({
      status: 'failed',
      reason: 'not_detected',
      exit_code: 0,
    })
    expect([reportedVersion(), isPidAlive(before), countRuns(stage.rootPath)]).toEqual([
      '1.9',
      true,
      2,
    ])
  })

  it('is reported with its exit code if it fails halfway, and the next attempt installs it', async () => {
    expect(await deploy(version('1.9'))).toMatchObject({ status: 'success' })
    const broken = Buffer.from('#!/bin/sh\necho run >> "$DEPLOYX_INSTALL_ROOT/runs"\nexit 7\n')
    expect(await deploy(version('2.0', broken))).toMatchObject({
      status: 'failed',
      reason: 'install_failed',
      exit_code: 7,
    })
    expect(reportedVersion()).toBe('1.9')
    expect(await deploy(version('2.0'))).toMatchObject({ status: 'success' })
    expect([reportedVersion(), countRuns(stage.rootPath)]).toEqual(['2.0', 3])
  })
})
