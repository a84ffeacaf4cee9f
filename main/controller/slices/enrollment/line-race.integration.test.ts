/**
 * The copied command for Linux against another user of the same PC, who replaces every file they
 * can reach as fast as they can. The hub serves a small script here, because the race is between
 * check and start. 1,000 runs with `npm run test:full`, 50 otherwise. Needs root, because the
 * command does.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '#shared/test-kit/until.ts'
import { NODE_FOR_AGENTS } from '../../test-kit/real-agent.ts'
import { startTestController, type TestController } from '../../test-kit/test-controller.ts'

const TRIES = process.env['DEPLOYX_TEST_FULL'] === undefined ? 50 : 1_000
const OTHER_USER = 65534
const AGENT_FILE = 'deployx-agent-linux-x64'
const canRun =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  spawnSync('curl', ['--version']).status === 0
if (!canRun) process.stderr.write('SKIPPED: the race for the copied command needs root and curl\n')

/**
 * Endlessly plants its own program in its folder and in whatever appears in the folders for
 * temporary files.
 */
const HOSTILE = `
const { writeFileSync, renameSync, readdirSync, chmodSync } = require('node:fs')
const [, , mine, evil, ...watched] = process.argv
const attempt = (act) => { try { act() } catch {} }
const plant = (folder) => {
  attempt(() => { writeFileSync(folder + '/.evil', evil, { mode: 0o755 }); chmodSync(folder + '/.evil', 0o755); renameSync(folder + '/.evil', folder + '/deployx-agent') })
  attempt(() => { writeFileSync(folder + '/deployx-agent', evil, { mode: 0o755 }) })
}
for (let loops = 0; ; loops++) {
  plant(mine)
  for (const folder of watched)
    attempt(() => {
      for (const name of readdirSync(folder))
        if (/^(deployx-[A-Za-z0-9]{10}$|tmp\\.)/.test(name)) {
          plant(folder + '/' + name)
          attempt(() => renameSync(folder + '/' + name, folder + '/' + name + '.gone'))
        }
    })
  if (loops % 200 === 0) attempt(() => writeFileSync(mine + '/loops', String(loops)))
}`

/** Waits until the verified program lies in its folder and is probably checked, and then replaces it. */
const PATIENT = `
const { writeFileSync, renameSync, readFileSync } = require('node:fs')
const [, , mine, evil, good] = process.argv
const file = mine + '/deployx-agent'
const isThere = () => { try { return readFileSync(file, 'utf8') === good } catch { return false } }
setInterval(() => {
  if (!isThere()) return
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
  writeFileSync(mine + '/.evil', evil, { mode: 0o755 })
  renameSync(mine + '/.evil', file)
}, 5)`

describe.skipIf(!canRun)('the copied command for Linux', { timeout: 15 * 60_000 }, () => {
  let root: string
  let theirs: string
  let proof: string
  let good: string
  let t: TestController
  let hostile: ChildProcess
  let line: string
  /** Starts a program of the other user. */
  let startHostile: (source: string, args: readonly string[]) => ChildProcess

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'deployx-race-'))
    chmodSync(root, 0o755)
    const agents = join(root, 'agents')
    theirs = join(root, 'theirs')
    for (const folder of [agents, theirs]) mkdirSync(folder)
    proof = join(root, 'proof')
    good = join(agents, 'good')
    writeFileSync(proof, '')
    chmodSync(proof, 0o666)
    const agent = `#!/bin/sh\necho good >> ${good}\n`
    writeFileSync(join(agents, AGENT_FILE), agent)
    const hash = createHash('sha256').update(agent).digest('hex')
    writeFileSync(join(agents, 'SHA256SUMS'), `${hash}  ${AGENT_FILE}\n`)
    t = await startTestController({ agentsDir: agents })
    line = (await t.rest.call('enrollments.create', { body: {} })).commands.linux

    chownSync(theirs, OTHER_USER, OTHER_USER)
    // It may lie where other users cannot start it; Electron's Node does not start without the files beside it.
    const node = join(root, 'node')
    try {
      linkSync(realpathSync(NODE_FOR_AGENTS), node)
    } catch {
      copyFileSync(realpathSync(NODE_FOR_AGENTS), node)
    }
    const evil = `#!/bin/sh\necho evil as $(id -u) >> ${proof}\n`
    startHostile = (source, args) => {
      const file = join(root, 'hostile.cjs')
      writeFileSync(file, source)
      return spawn(node, [file, theirs, evil, ...args], {
        uid: OTHER_USER,
        gid: OTHER_USER,
        cwd: theirs,
        stdio: 'ignore',
      })
    }
    hostile = startHostile(HOSTILE, [theirs, '/tmp', '/var/tmp', homedir(), '/opt'])
    await until('the other user is at it', () => existsSync(join(theirs, 'loops')))
  })
  afterAll(async () => {
    hostile?.kill('SIGKILL')
    await t?.stop()
    rmSync(root, { recursive: true, force: true })
  })

  /** As root would type it, in the other user's folder, with TMPDIR there too. */
  const run = (script: string) =>
    new Promise<{ code: number | null; output: string }>((resolve) => {
      const child = spawn('sh', ['-c', script], {
        cwd: theirs,
        env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', TMPDIR: theirs, HOME: theirs },
      })
      let output = ''
      for (const out of [child.stdout, child.stderr])
        out.on('data', (chunk: Buffer) => (output += chunk.toString()))
      child.once('close', (code) => resolve({ code, output }))
    })

  it(`starts the verified file in ${TRIES} of ${TRIES} tries`, async () => {
    const loops = () => Number(readFileSync(join(theirs, 'loops'), 'utf8') || 0)
    const before = loops()
    for (let n = 1; n <= TRIES; n++) {
      const { code, output } = await run(line)
      expect({ n, code, output }).toMatchObject({ code: 0 })
    }
    expect(readFileSync(proof, 'utf8')).toBe('')
    expect(readFileSync(good, 'utf8').match(/good/g)).toHaveLength(TRIES)
    expect(loops() - before).toBeGreaterThan(TRIES)
    expect(readdirSync(homedir()).filter((name) => /^deployx-\w{10}$/.test(name))).toEqual([])
  })

  it("loses the race when the file lies in the attacker's folder", async () => {
    hostile.kill('SIGKILL')
    hostile = startHostile(PATIENT, [readFileSync(join(root, 'agents', AGENT_FILE), 'utf8')])
    const [, url] = /(https:\S+\/agent\/download\/)/.exec(line) ?? []
    const [, hash] = /h=([0-9a-f]{64})/.exec(line) ?? []
    // The pause is that of a busy PC: without it the outcome depends on how fast this one is.
    const naive =
      `rm -f deployx-agent && curl -fsSk -o deployx-agent ${url}${AGENT_FILE} && ` +
      `echo "${hash}  deployx-agent" | sha256sum -c && sleep 2 && chmod +x deployx-agent && ./deployx-agent`
    for (let n = 1; n <= 50 && readFileSync(proof, 'utf8') === ''; n++) await run(naive)
    expect(readFileSync(proof, 'utf8')).toContain('evil as 0')
  })
})
