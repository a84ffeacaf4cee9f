/** Attempts from command to result, with real installers in real processes. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { OUTPUT_LIMIT_BYTES } from '#shared/domain/defaults.ts'
import { serveBytes } from '../test-kit/serve-bytes.ts'
import { countingScript, countRuns, isPidAlive, setStage, type Stage } from '../test-kit/stage.ts'

let stage: Stage
beforeEach(async () => {
  stage = await setStage()
  await stage.connect()
})
afterEach(async () => {
  expect(stage.hub.malformed).toEqual([])
  await stage.clear()
})

const pidIn = (name: string): number => Number(readFileSync(join(stage.rootPath, name), 'utf8'))

describe('a shell script', () => {
  it('succeeds: it receives its arguments and environment, and the hub receives its output and result', async () => {
    const { hub } = stage
    const command = hub.payload({
      content: countingScript('printf "%s|" "$@"', 'env', 'pwd', 'readlink /proc/self/fd/0'),
      argv: ['--quiet', 'two words', '$HOME', ''],
    })
    expect(await hub.deploy(command)).toEqual({ accepted: true })
    expect(await hub.result(command)).toEqual({
      deployment_id: 7,
      target_id: 70,
      attempt: 1,
      attempt_id: command.attempt_id,
      status: 'success',
      message: 'Installed. Exit code 0.',
      result_code: 'installed',
      result_params: { exit_code: 0 },
      exit_code: 0,
    })
    const output = hub.outputOf(command)!
    expect(output).toContain('--quiet|two words|$HOME||')
    expect(output).toContain('DEPLOYX_DEPLOYMENT_ID=7\n')
    expect(output).toContain('DEPLOYX_TARGET_ID=70\n')
    expect(output).toContain('DEPLOYX_ATTEMPT=1\n')
    expect(output).toContain(`DEPLOYX_ATTEMPT_ID=${command.attempt_id}\n`)
    expect(output).toContain('LC_ALL=C.UTF-8\n')
    expect(output).toContain(stage.workFolder(command.attempt_id))
    expect(output).toContain('/dev/null')
    expect(output).not.toContain('DEPLOYX_LOG_LEVEL')
    await hub.until('the folder is deleted', () => stage.attemptFolders().length === 0)
    const phases = hub.reports.deployment_progress.map((progress) => progress.phase)
    expect(phases).toContain('installing')
  })

  it('fails with its exit code, its reason and the end of its output', async () => {
    const { hub } = stage
    const command = hub.payload({
      content: countingScript('echo preparing', 'echo "no space for könig" >&2', 'exit 3'),
    })
    await hub.deploy(command)
    expect(await hub.result(command)).toMatchObject({
      status: 'failed',
      reason: 'install_failed',
      exit_code: 3,
      message: 'The installer failed with exit code 3: the installer reported a failure.',
      error_details: 'preparing\nno space for könig',
    })
    expect(hub.outputOf(command)).toBe('preparing\nno space for könig\n')
  })

  it('also runs without a shebang, and a missing interpreter is reported', async () => {
    const { hub } = stage
    const plain = hub.payload({ content: Buffer.from('echo "by $0 $1"'), argv: ['x'] })
    await hub.deploy(plain)
    expect(await hub.result(plain)).toMatchObject({ status: 'success' })
    expect(hub.outputOf(plain)).toMatch(/^by .*setup\.sh x\n$/)
    const strange = hub.payload({ content: Buffer.from('#!/nonexistent/python\n') })
    await hub.deploy(strange)
    expect(await hub.result(strange)).toMatchObject({
      status: 'failed',
      reason: 'install_failed',
      message:
        'The installer could not be started: its file, or the program that runs it, does not exist.',
    })
  })

  it('is killed after its time limit with everything it started, even outside its process group', async () => {
    const { hub, rootPath } = stage
    const command = hub.payload({
      content: countingScript(
        `trap '' TERM`,
        `setsid sh -c 'echo $$ > "$DEPLOYX_INSTALL_ROOT/far"; sleep 300' &`,
        `sh -c 'echo $$ > "$DEPLOYX_INSTALL_ROOT/near"; sleep 300' &`,
        `echo $$ > "$DEPLOYX_INSTALL_ROOT/self"`,
        'echo waiting',
        'while :; do sleep 1; done',
      ),
      timeout_seconds: 2,
    })
    await hub.deploy(command)
    expect(await hub.result(command)).toMatchObject({
      status: 'failed',
      reason: 'timeout',
      message: 'The installer was stopped after its timeout of 2 s.',
      error_details: 'waiting',
    })
    for (const name of ['far', 'near', 'self']) {
      expect(existsSync(join(rootPath, name))).toBe(true)
      expect(isPidAlive(pidIn(name))).toBe(false)
    }
  })

  it('ends even if a service that it leaves behind keeps its output open', async () => {
    const { hub } = stage
    const command = hub.payload({
      content: countingScript(
        `setsid sh -c 'echo $$ > "$DEPLOYX_INSTALL_ROOT/daemon"; exec sleep 60' &`,
        'sleep 0.3',
        'echo done',
      ),
    })
    await hub.deploy(command)
    expect(await hub.result(command)).toMatchObject({ status: 'success' })
    expect(isPidAlive(pidIn('daemon'))).toBe(true)
    process.kill(pidIn('daemon'), 'SIGKILL')
  })

  it('with a large output: its beginning and end arrive, with a note about the rest', async () => {
    const { hub } = stage
    const command = hub.payload({
      content: countingScript('i=0', 'seq -f "line %.0f ÄÖÜ" 1 200000', 'echo the end'),
    })
    await hub.deploy(command)
    await hub.result(command)
    const output = hub.outputOf(command)!
    expect(output.startsWith('line 1 ÄÖÜ\nline 2 ÄÖÜ\n')).toBe(true)
    expect(output.endsWith('line 200000 ÄÖÜ\nthe end\n')).toBe(true)
    expect(output).toMatch(/\n\[\d+ bytes of output are left out here\]\n/)
    expect(output).not.toContain('\uFFFD')
    expect(Buffer.byteLength(output)).toBeLessThan(OUTPUT_LIMIT_BYTES + 200)
    expect(Buffer.byteLength(output)).toBeGreaterThan(OUTPUT_LIMIT_BYTES - 200)
  })
})

describe('the detection rule', () => {
  it('skips software that is already installed, before any download', async () => {
    const { hub, rootPath } = stage
    writeFileSync(join(rootPath, 'tool'), 'x')
    const command = hub.payload({
      content: countingScript(),
      detection: { type: 'file', path: '/tool' },
    })
    let isFetched = false
    hub.content.set(command.url, () => (isFetched = true))
    await hub.deploy(command)
    expect(await hub.result(command)).toMatchObject({
      status: 'skipped',
      reason: 'already_installed',
    })
    expect(isFetched).toBe(false)
    expect(countRuns(rootPath)).toBe(0)
  })

  it('turns a reported success into a failure if the software is not detected', async () => {
    const { hub } = stage
    const command = hub.payload({
      content: countingScript(),
      detection: { type: 'file', path: '/tool' },
    })
    await hub.deploy(command)
    expect(await hub.result(command)).toMatchObject({
      status: 'failed',
      reason: 'not_detected',
      exit_code: 0,
    })
  })

  it('turns a reported failure into a success if the software is detected, and the message says so', async () => {
    const { hub } = stage
    const command = hub.payload({
      content: countingScript('touch "$DEPLOYX_INSTALL_ROOT/tool"', 'exit 9'),
      detection: { type: 'file', path: '/tool' },
    })
    await hub.deploy(command)
    expect(await hub.result(command)).toMatchObject({
      status: 'success',
      exit_code: 9,
      message:
        'Installed: the installer failed with exit code 9 (the installer reported a failure), but the detection rule finds the software.',
    })
  })
})

describe('a package', () => {
  it('is not run if its content differs from the announced hash', async () => {
    const { hub, rootPath } = stage
    const script = countingScript()
    const command = hub.payload({ content: script })
    const other = Buffer.from(script)
    other[other.length - 2] = 0x20
    hub.content.set(command.url, serveBytes(other))
    await hub.deploy(command)
    expect(await hub.result(command)).toMatchObject({ status: 'failed', reason: 'integrity' })
    expect(countRuns(rootPath)).toBe(0)
  })

  it('fails immediately if the hub answers 404, or if its URL is not http or https', async () => {
    const { hub } = stage
    const missing = hub.payload({ url: '/content/missing' })
    await hub.deploy(missing)
    expect(await hub.result(missing)).toMatchObject({
      reason: 'download_failed',
      message: 'The package could not be fetched: the server answered 404 Not Found.',
    })
    const odd = hub.payload({ url: 'ftp://example.test/a.sh' })
    await hub.deploy(odd)
    expect(await hub.result(odd)).toMatchObject({ status: 'failed', reason: 'invalid_url' })
  })

  it('is not downloaded if it cannot fit on the disk', async () => {
    const { hub } = stage
    const command = hub.payload({ size_bytes: 2 ** 50 })
    await hub.deploy(command)
    expect(await hub.result(command)).toMatchObject({ status: 'failed', reason: 'disk_space' })
  })

  it('is stored so that its name cannot lead out of its folder', async () => {
    const { hub } = stage
    const command = hub.payload({
      content: countingScript('echo "$0"'),
      file_name: '../../../etc/c ron;$(x).sh',
    })
    await hub.deploy(command)
    expect(await hub.result(command)).toMatchObject({ status: 'success' })
    expect(hub.outputOf(command)).toBe(
      `${join(stage.workFolder(command.attempt_id), 'c_ron___x_.sh')}\n`,
    )
  })
})

describe('several commands', () => {
  it('are processed one after another, in order', async () => {
    const { hub, rootPath } = stage
    const script = countingScript(
      'mkdir "$DEPLOYX_INSTALL_ROOT/busy" || exit 7',
      'sleep 0.2',
      'rmdir "$DEPLOYX_INSTALL_ROOT/busy"',
    )
    const commands = [1, 2, 3].map(() => hub.payload({ content: script }))
    for (const command of commands) await hub.deploy(command)
    for (const command of commands)
      expect(await hub.result(command)).toMatchObject({ status: 'success' })
    expect(countRuns(rootPath)).toBe(3)
    expect(hub.reports.deployment_result.map((r) => r.attempt_id)).toEqual(
      commands.map((command) => command.attempt_id),
    )
  })

  it('are refused as busy beyond the limit', async () => {
    const { hub } = stage
    const slow = hub.payload({ content: countingScript('sleep 30') })
    await hub.deploy(slow)
    let accepted = 0
    for (let i = 0; i < 99; i++) {
      const reply = await hub.deploy(hub.payload({}))
      if (reply.accepted) accepted++
    }
    expect(accepted).toBe(99)
    expect(await hub.deploy(hub.payload({}))).toMatchObject({ accepted: false, why: 'busy' })
  })
})

describe('cancelling', () => {
  it('stops a download, cleans up and reports the attempt as skipped', async () => {
    const { hub, rootPath } = stage
    const command = hub.payload({ content: countingScript() })
    let isRequested = false
    let isClosed = false
    hub.content.set(command.url, (_request, response) => {
      isRequested = true
      response.on('close', () => (isClosed = true))
      response.writeHead(200, { 'content-length': command.size_bytes ?? 0 })
      response.write('#!')
    })
    await hub.deploy(command)
    // The file is opened before the bytes are requested: wait for both, or there is nothing to stop.
    await hub.until(
      'downloading',
      () => isRequested && existsSync(join(stage.workFolder(command.attempt_id), 'setup.sh')),
    )
    expect(await hub.cancel(command)).toEqual({ accepted: true })
    expect(await hub.result(command)).toMatchObject({
      status: 'skipped',
      reason: 'canceled',
    })
    await hub.until('the download is over', () => isClosed)
    await hub.until('the folder is deleted', () => stage.attemptFolders().length === 0)
    expect(countRuns(rootPath)).toBe(0)
  })

  it('removes a waiting command from the queue, while a running installer finishes', async () => {
    const { hub, rootPath } = stage
    const first = hub.payload({ content: countingScript('sleep 3') })
    const second = hub.payload({ content: countingScript() })
    await hub.deploy(first)
    await hub.deploy(second)
    await hub.until('the first runs', () => countRuns(rootPath) === 1)
    expect(await hub.cancel(second)).toEqual({ accepted: true })
    expect(await hub.cancel(first)).toEqual({ accepted: true })
    expect(await hub.result(first)).toMatchObject({ status: 'success' })
    expect(await hub.result(second)).toMatchObject({ status: 'skipped', reason: 'canceled' })
    expect(countRuns(rootPath)).toBe(1)
  })

  it('is refused for an unknown attempt', async () => {
    expect(await stage.hub.cancel(stage.hub.payload({}))).toMatchObject({
      accepted: false,
      why: 'unknown_attempt',
    })
  })
})

describe('an AppImage', () => {
  it('is installed as an executable, and removed again', async () => {
    const { hub, rootPath } = stage
    const detection = { type: 'file', path: '/opt/appimages/Tool-1.0.AppImage' } as const
    const appImage = {
      content: Buffer.from('\x7fELF not really'),
      kind: 'appimage',
      file_name: 'Tool-1.0.AppImage',
      detection,
    } as const
    const install = hub.payload(appImage)
    await hub.deploy(install)
    expect(await hub.result(install)).toMatchObject({ status: 'success' })
    expect(statSync(join(rootPath, detection.path)).mode & 0o777).toBe(0o755)
    const removal = hub.payload({ ...appImage, action: 'uninstall' })
    await hub.deploy(removal)
    expect(await hub.result(removal)).toMatchObject({
      status: 'success',
      message: 'Removed. Exit code 0.',
    })
    expect(existsSync(join(rootPath, detection.path))).toBe(false)
    const again = hub.payload({ ...appImage, action: 'uninstall' })
    await hub.deploy(again)
    expect(await hub.result(again)).toMatchObject({ status: 'skipped' })
    mkdirSync(rootPath, { recursive: true })
  })
})
