/** Real archives, made by zip, tar and Python, with a real agent; and hostile ones, built byte by byte. */
import { execFileSync, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { pack, type Header } from 'tar-stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DeployPayload } from '#shared/contract/agent/link.ts'
import { makeFolder, type AgentProcess } from '../test-kit/agent-process.ts'
import { buildDeb } from '../test-kit/deb.ts'
import { setStage, type Stage } from '../test-kit/stage.ts'

const has = (tool: string): boolean => spawnSync(tool, ['--version']).error === undefined
const hasZip = has('zip')
const hasXz = has('xz')
if (!hasZip || !hasXz) process.stderr.write('SKIPPED: some archives (needs zip and xz)\n')

let stage: Stage
let agent: AgentProcess
let work: ReturnType<typeof makeFolder>
beforeEach(async () => {
  stage = await setStage()
  work = makeFolder()
  agent = await stage.connect()
})
afterEach(async () => {
  expect(stage.hub.malformed).toEqual([])
  await stage.clear()
  work.remove()
})

const INSTALL = `#!/bin/sh
echo "in $PWD with $1"
cat data/text
./tools/helper
cp -P latest "$DEPLOYX_INSTALL_ROOT/latest"
`
const REMOVE = '#!/bin/sh\necho removed > "$DEPLOYX_INSTALL_ROOT/removed"\n'

/** An application as vendors ship it: a folder with a script, a program that it calls, data and a link. */
function layOut(): string {
  const app = join(work.path, 'app-1.0')
  mkdirSync(join(app, 'data'), { recursive: true })
  mkdirSync(join(app, 'tools'))
  writeFileSync(join(app, 'install.sh'), INSTALL)
  writeFileSync(join(app, 'remove.sh'), REMOVE)
  writeFileSync(join(app, 'data', 'text'), 'the data\n')
  writeFileSync(join(app, 'tools', 'helper'), '#!/bin/sh\necho helped\n', { mode: 0o755 })
  symlinkSync('data/text', join(app, 'latest'))
  return app
}
const inWork = (file: string, ...args: string[]): void =>
  void execFileSync(file, args, { cwd: work.path, stdio: 'ignore' })

const MIB = 1024 * 1024
function archive(content: Buffer, more: Partial<DeployPayload> = {}): DeployPayload {
  return stage.hub.payload({
    content,
    kind: 'tar',
    file_name: 'app.tar.gz',
    archive: { entry: 'install.sh', uninstall_entry: null, expanded_bytes: MIB },
    ...more,
  })
}
async function deploy(command: DeployPayload) {
  expect(await stage.hub.deploy(command)).toEqual({ accepted: true })
  return stage.hub.result(command)
}
const leftOf = (command: DeployPayload): string[] => {
  const folder = stage.workFolder(command.attempt_id)
  return existsSync(folder) ? readdirSync(folder) : []
}

type Entry = Partial<Header> & { name: string; content?: string | Buffer }
async function tarOf(...entries: Entry[]): Promise<Buffer> {
  const tar = pack()
  for (const { content, ...header } of entries) tar.entry(header, content ?? '')
  tar.finalize()
  const pieces: Buffer[] = []
  for await (const piece of tar) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}
const script: Entry = { name: 'install.sh', content: '#!/bin/sh\nexit 0\n' }

/** Each test starts its own agent, on a computer that may be busy. */

describe('an archive', () => {
  it.runIf(hasZip && hasXz).each([
    ['zip', 'zip', ['-qry', 'a.zip', 'app-1.0'], 'a.zip'],
    ['tar', 'tar', ['-czf', 'a.tar.gz', 'app-1.0'], 'a.tar.gz'],
    ['tar', 'tar', ['-cJf', 'a.tar.xz', './app-1.0'], 'a.tar.xz'],
    ['tar', 'tar', ['--format=posix', '-cf', 'a.tar', 'app-1.0'], 'a.tar'],
  ] as const)(
    'made by a real %s (%s %j) is extracted, and its entry runs in its folder',
    async (kind, tool, args, name) => {
      layOut()
      inWork(tool, ...args)
      const command = archive(readFileSync(join(work.path, name)), {
        kind,
        file_name: name,
        argv: ['one argument'],
        archive: { entry: 'app-1.0/install.sh', uninstall_entry: null, expanded_bytes: MIB },
      })
      expect(await deploy(command)).toMatchObject({ status: 'success', exit_code: 0 })
      const output = stage.hub.outputOf(command)!
      expect(output).toMatch(/^in .*app-1\.0 with one argument\nthe data\nhelped\n$/)
      expect(readlinkSync(join(stage.rootPath, 'latest'))).toBe('data/text')
      await stage.hub.until('nothing is left', () => leftOf(command).length === 0)
    },
  )

  it('is uninstalled by the file in it that was named for that', async () => {
    layOut()
    inWork('tar', '-czf', 'a.tar.gz', '-C', 'app-1.0', '.')
    const content = readFileSync(join(work.path, 'a.tar.gz'))
    const command = archive(content, {
      action: 'uninstall',
      argv: ['--for-the-installer'],
      archive: { entry: 'install.sh', uninstall_entry: 'remove.sh', expanded_bytes: MIB },
    })
    expect(await deploy(command)).toMatchObject({
      status: 'success',
      message: 'Removed. Exit code 0.',
    })
    expect(readFileSync(join(stage.rootPath, 'removed'), 'utf8')).toBe('removed\n')
  })

  it('without such a file cannot be uninstalled, and the message says why', async () => {
    expect(await deploy(archive(await tarOf(script), { action: 'uninstall' }))).toMatchObject({
      status: 'failed',
      message: expect.stringContaining('removed by the file') as string,
    })
  })

  it('with a Debian package inside installs it, verifies it by its detection rule, and removes it by its name', async () => {
    const name = 'deployx-test-packed'
    const content = await tarOf({ name: 'debs/it.deb', content: buildDeb(work.path, { name }) })
    const detection = { type: 'dpkg', name, operator: 'ge' } as const
    const of = { entry: 'debs/it.deb', uninstall_entry: null, expanded_bytes: MIB }
    expect(await deploy(archive(content, { archive: of, detection }))).toMatchObject({
      status: 'success',
    })
    expect(existsSync(join(stage.rootPath, 'usr/share/deployx-test', name))).toBe(true)
    expect(
      await deploy(archive(content, { archive: of, detection, action: 'uninstall' })),
    ).toMatchObject({ status: 'success' })
    expect(existsSync(join(stage.rootPath, 'usr/share/deployx-test', name))).toBe(false)
  })

  it('reports the exit code of the program that it runs', async () => {
    const content = await tarOf({ ...script, content: 'exit 127\n' })
    expect(await deploy(archive(content))).toMatchObject({
      exit_code: 127,
      message: 'The installer failed with exit code 127: a command was not found.',
    })
  })
})

describe('a malicious archive', () => {
  /** Everything around the attempt's folder must be unchanged. */
  const refusedWith = async (command: DeployPayload, words: RegExp) => {
    expect(await deploy(command)).toMatchObject({
      status: 'failed',
      reason: 'install_failed',
      message: expect.stringMatching(words) as string,
    })
    expect(existsSync(join(stage.statePath, 'evil'))).toBe(false)
    expect(existsSync(join(stage.statePath, 'attempts', 'evil'))).toBe(false)
    expect(stage.hub.outputOf(command) ?? '').toBe('')
    await stage.hub.until('nothing is left', () => leftOf(command).length === 0)
  }

  it.each<[string, Entry[], RegExp]>([
    ['climbs out', [{ name: '../../evil', content: 'x' }], /leads out of it/],
    ['climbs out after a folder', [{ name: 'a/../../../evil', content: 'x' }], /leads out/],
    ['climbs out as Windows would', [{ name: '..\\..\\evil', content: 'x' }], /leads out/],
    ['names an absolute path', [{ name: '/tmp/evil', content: 'x' }], /leads out/],
    ['names a drive', [{ name: 'C:/evil', content: 'x' }], /leads out/],
    ['holds a device', [{ name: 'null', type: 'character-device' }], /not a file/],
    ['holds a pipe', [{ name: 'pipe', type: 'fifo' }], /not a file/],
    [
      'links to a file outside',
      [{ name: 'l', type: 'symlink', linkname: '/etc/passwd' }],
      /link in it leads out/,
    ],
    [
      'links upwards',
      [{ name: 'a/l', type: 'symlink', linkname: '../../evil' }],
      /link in it leads out/,
    ],
    [
      'links hard to the outside',
      [{ name: 'l', type: 'link', linkname: '/etc/passwd' }],
      /leads out/,
    ],
    [
      'links hard to what is not there',
      [{ name: 'l', type: 'link', linkname: 'nothing' }],
      /does not name an earlier file/,
    ],
    [
      'links outside through another link',
      [
        { name: 'd/e/f', content: 'x' },
        { name: 'd/up', type: 'symlink', linkname: '..' },
        { name: 'd/e/out', type: 'symlink', linkname: '../up/../../../evil' },
      ],
      /leads out/,
    ],
    [
      'writes through a link',
      [
        { name: 'here', type: 'symlink', linkname: 'there' },
        { name: 'here/evil', content: 'x' },
      ],
      /both as a folder and as something else/,
    ],
    [
      'holds a name twice',
      [
        { name: 'a', content: 'x' },
        { name: './a', content: 'y' },
      ],
      /same name/,
    ],
  ])('%s: is refused and leaves nothing behind', async (_name, entries, words) => {
    await refusedWith(archive(await tarOf(...entries, script)), words)
  })

  it('is stopped when it contains more than it declared', async () => {
    const bomb = { name: 'zeros', content: Buffer.alloc(3 * MIB) }
    await refusedWith(archive(await tarOf(bomb, script)), /contains more than/)
    if (!hasZip) return
    writeFileSync(join(work.path, 'install.sh'), 'exit 0\n')
    writeFileSync(join(work.path, 'zeros'), bomb.content)
    inWork('zip', '-q', 'a.zip', 'zeros', 'install.sh')
    const zip = readFileSync(join(work.path, 'a.zip'))
    await refusedWith(archive(zip, { kind: 'zip' }), /contains more than/)
  })

  it('is refused when it is truncated, or something else', async () => {
    const whole = await tarOf({ name: 'big', content: Buffer.alloc(64 * 1024, 'x') }, script)
    await refusedWith(archive(whole.subarray(0, 20_000)), /damaged|no file/)
    const other = Buffer.from('not an archive at all')
    await refusedWith(archive(other, { kind: 'zip' }), /not a readable zip/)
  })

  it.runIf(hasZip)('is refused when a file in it has another size than declared', async () => {
    layOut()
    inWork('zip', '-qj', 'a.zip', 'app-1.0/install.sh')
    const zip = readFileSync(join(work.path, 'a.zip'))
    const size = zip.indexOf('PK\x01\x02', 0, 'latin1') + 24
    for (const step of [-1, 2]) {
      zip.writeUInt32LE(zip.readUInt32LE(size) + step, size)
      await refusedWith(archive(Buffer.from(zip), { kind: 'zip' }), /another size/)
    }
  })

  it('is refused when it does not contain the entry to run', async () => {
    const content = await tarOf({ ...script, name: 'other.sh' })
    await refusedWith(archive(content), /contains no file "install.sh"/)
  })

  it.runIf(has('python3')).each([
    ['a name that climbs out', "z.writestr('../../evil', 'x')", /leads out|invalid relative path/],
    ['an absolute name', "z.writestr('/evil', 'x')", /absolute path/],
    [
      'a link to the outside',
      "i=zipfile.ZipInfo('l'); i.create_system=3; i.external_attr=0o120777<<16; z.writestr(i,'/etc/passwd')",
      /link in it leads out/,
    ],
    [
      'a device',
      "i=zipfile.ZipInfo('d'); i.create_system=3; i.external_attr=0o020666<<16; z.writestr(i,'')",
      /not a file/,
    ],
  ])('is refused as a zip with %s', async (_name, line, words) => {
    const code = `import zipfile\nz=zipfile.ZipFile('a.zip','w')\nz.writestr('install.sh','exit 0')\n${line}\nz.close()\n`
    execFileSync('python3', ['-c', code], { cwd: work.path })
    await refusedWith(archive(readFileSync(join(work.path, 'a.zip')), { kind: 'zip' }), words)
  })
})

it('can be cancelled during extraction', async () => {
  const { hub } = stage
  const entries = Array.from({ length: 4_000 }, (_, i) => ({
    name: `d/${i}`,
    content: 'x'.repeat(500),
  }))
  const content = await tarOf(...entries, script)
  const command = archive(content, {
    archive: { entry: 'install.sh', uninstall_entry: null, expanded_bytes: 64 * MIB },
  })
  await hub.deploy(command)
  const extracting = () => leftOf(command).some((name) => name.startsWith('x-'))
  await hub.until('it is being extracted', extracting)
  await hub.cancel(command)
  expect(await hub.result(command)).toMatchObject({ status: 'skipped', reason: 'canceled' })
  await hub.until('nothing is left', () => leftOf(command).length === 0)
})

it('is extracted again after the agent was killed during extraction', async () => {
  const { hub } = stage
  const entries = Array.from({ length: 3_000 }, (_, i) => ({ name: `d/${i}`, content: 'x' }))
  const content = await tarOf(...entries, {
    ...script,
    content: 'echo run >> "$DEPLOYX_INSTALL_ROOT/runs"; ls d | wc -l\n',
  })
  const command = archive(content)
  await hub.deploy(command)
  await hub.until('it is being extracted', () => leftOf(command).some((n) => n.startsWith('x-')))
  await agent.kill('SIGKILL')
  await hub.until('the link is lost', () => !hub.isConnected())
  await stage.connect(['--install-root', stage.rootPath])
  expect(await hub.result(command)).toMatchObject({ status: 'success' })
  expect(hub.outputOf(command)).toContain('3000')
  expect(readFileSync(join(stage.rootPath, 'runs'), 'utf8')).toBe('run\n')
})

/** As made on Windows (APPNOTE.TXT, "version made by" 0): its entries have no modes. Stored uncompressed. */
function zipWithoutModes(files: Record<string, string>): Buffer {
  const locals: Buffer[] = []
  const entries: Buffer[] = []
  let at = 0
  for (const [name, text] of Object.entries(files)) {
    const content = Buffer.from(text, 'latin1')
    // Version needed, flags, method, time, date, checksum, both sizes, length of the name, length of the
    // extra field.
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt32LE(crc32(content), 10)
    common.writeUInt32LE(content.length, 14)
    common.writeUInt32LE(content.length, 18)
    common.writeUInt16LE(name.length, 22)
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), content])
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE(at, 10)
    entries.push(
      Buffer.concat([
        Buffer.from('PK\x01\x02'),
        Buffer.from([20, 0]),
        common,
        rest,
        Buffer.from(name),
      ]),
    )
    locals.push(local)
    at += local.length
  }
  const directory = Buffer.concat(entries)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 0, 'latin1')
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(at, 16)
  return Buffer.concat([...locals, directory, end])
}

describe.skipIf(process.platform === 'win32')('a file copied out of an archive', () => {
  const COPY = 'cp -r "$(dirname "$0")" "$DEPLOYX_INSTALL_ROOT/app"'
  const modeOf = (name: string): string =>
    (statSync(join(stage.rootPath, 'app', name)).mode & 0o7777).toString(8)

  async function install(content: Buffer, more: Partial<DeployPayload> = {}): Promise<void> {
    const command = archive(content, more)
    expect(await deploy(command)).toMatchObject({ status: 'success' })
  }
  /** Runs the agent with a service's umask. */
  async function underUmask077(): Promise<void> {
    await agent.kill('SIGKILL')
    await stage.hub.until('the link is lost', () => !stage.hub.isConnected())
    const own = process.umask(0o077)
    agent = stage.start(['--install-root', stage.rootPath])
    process.umask(own)
    await stage.hub.connected()
  }

  it('has the mode from the archive, without dangerous bits, whatever the umask of the agent', async () => {
    await underUmask077()
    const file = (name: string, mode: number, content = 'x'): Entry => ({ name, mode, content })
    await install(
      await tarOf(
        file('install.sh', 0o755, `#!/bin/sh\n${COPY}\nmkdir "$DEPLOYX_INSTALL_ROOT/app/made"\n`),
        { name: 'shared', type: 'directory', mode: 0o3777 },
        { name: 'closed', type: 'directory', mode: 0o500 },
        file('bin/run', 0o755),
        file('bin/setuid', 0o6755),
        file('etc/conf', 0o644),
        file('etc/open', 0o666),
        file('etc/secret', 0o600),
        file('etc/read-only', 0o444),
        file('closed/inside', 0o644),
      ),
    )
    const expected = `. 755, shared 775, closed 700, bin 755, etc 755, bin/run 755, bin/setuid 755,
      etc/conf 644, etc/open 664, etc/secret 600, etc/read-only 644, closed/inside 644, made 755`
    // cp itself applies the umask: the group may not write.
    const underUmask = (mode: string): string => (Number.parseInt(mode, 8) & ~0o022).toString(8)
    for (const [, name, mode] of expected.matchAll(/(\S+) (\d+)/g))
      expect(`${name} ${modeOf(name!)}`).toBe(`${name} ${underUmask(mode!)}`)
  })

  it('from a zip archive without modes can be read, and run if it is a program', async () => {
    const zip = zipWithoutModes({
      'install.sh': `#!/bin/sh\n${COPY}\n`,
      'bin/run': '\x7fELF',
      'lib/data': 'data',
    })
    await install(zip, { kind: 'zip', file_name: 'app.zip' })
    expect(['.', 'bin', 'bin/run', 'lib/data'].map(modeOf)).toEqual(['755', '755', '755', '644'])
  })

  it('is readable for everyone, and so is what a plain script or package installs', async () => {
    await underUmask077()
    const command = stage.hub.payload({
      content: Buffer.from(
        '#!/bin/sh\numask\ncp "$0" "$DEPLOYX_INSTALL_ROOT/tool"\ncp -r "$PWD" "$DEPLOYX_INSTALL_ROOT/app"\n',
      ),
    })
    expect(await deploy(command)).toMatchObject({ status: 'success' })
    expect(stage.hub.outputOf(command)).toBe('0022\n')
    expect(statSync(join(stage.rootPath, 'tool')).mode & 0o777).toBe(0o755)
    expect(modeOf('.')).toBe('755')
  })
})
