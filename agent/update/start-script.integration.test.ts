/**
 * The start script with real processes and files; programs of a few lines stand in for the agents. Also
 * replays the order of steps on Windows, with the same script in place of the Windows service host (tested in
 * build/wine).
 */
import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startScript } from '../service/start-script.ts'
import { placesOf } from './places.ts'
import type { SwapStep } from './swap.ts'

const LIMIT_MS = 120_000
const canRun = process.platform !== 'win32'
type Cut = SwapStep | 'none'
const STEPS: Record<'posix' | 'windows', readonly Cut[]> = {
  posix: ['clear', 'keep', 'trial', 'place', 'sync', 'none'],
  windows: ['clear', 'trial', 'away', 'place', 'sync', 'none'],
}
/** What a new version does when it is started; the last three fail. */
const NATURES = {
  well: 'rm -f update-trial update-taken-back',
  crashes: 'kill -SEGV $$',
  'ends with 0': 'exit 0',
  'ends with 2': 'exit 2',
  hangs: 'exec sleep 100',
} as const
type Nature = keyof typeof NATURES

describe.skipIf(!canRun)('the start script', { timeout: LIMIT_MS }, () => {
  let top: string
  let count = 0
  /** The state of the disk after a swap that was interrupted before a step. */
  const cutOff = new Map<string, string>()

  const program = (name: string, does: string): string =>
    `#!/bin/sh\ncd "$(dirname "$0")" || exit 9\necho ${name} >> ran\n${does}\n`

  function makeDisk(nature: Nature): string {
    const disk = join(top, `disk-${++count}`)
    const places = placesOf(join(disk, 'deployx-agent'))
    mkdirSync(places.workshop, { recursive: true })
    writeFileSync(places.executable, program('old', 'exit 0'))
    writeFileSync(places.next, program('new', NATURES[nature]))
    for (const file of [places.executable, places.next]) chmodSync(file, 0o755)
    writeFileSync(join(disk, 'start.sh'), startScript('deployx-agent', 1))
    return disk
  }
  /** A copy of the disk at the moment of a power cut before that step of a swap. */
  function diskCutOff(system: 'posix' | 'windows', step: Cut, nature: Nature) {
    const key = `${system} ${step} ${nature}`
    let made = cutOff.get(key)
    if (made === undefined) {
      made = makeDisk(nature)
      const script = join(import.meta.dirname, '..', 'test-kit', 'swap-and-die.ts')
      const words = [script, join(made, 'deployx-agent'), system, step]
      const { status, signal, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' })
      expect([status, signal], stderr).toEqual(step === 'none' ? [0, null] : [null, 'SIGKILL'])
      cutOff.set(key, made)
    }
    const disk = join(top, `disk-${++count}`)
    cpSync(made, disk, { recursive: true })
    return disk
  }
  /** One start by a service manager. @param cutAfterMs time of a power cut; null: never */
  function start(disk: string, cutAfterMs: number | null = null): Promise<number | null> {
    const child = spawn('/bin/sh', [join(disk, 'start.sh'), 'run'], {
      stdio: 'ignore',
      detached: true,
    })
    const cut = (): void => {
      try {
        process.kill(-child.pid!, 'SIGKILL')
      } catch {
        // It has ended.
      }
    }
    const timer = setTimeout(cut, cutAfterMs ?? 20_000)
    return new Promise((resolve) =>
      child.once('close', (code) => {
        clearTimeout(timer)
        cut()
        resolve(code)
      }),
    )
  }
  const ran = (disk: string): string[] =>
    existsSync(join(disk, 'ran')) ? readFileSync(join(disk, 'ran'), 'utf8').trim().split('\n') : []
  const verdict = (disk: string): string | null =>
    existsSync(join(disk, 'update-taken-back'))
      ? readFileSync(join(disk, 'update-taken-back'), 'utf8').trim()
      : null

  beforeAll(() => {
    top = mkdtempSync(join(tmpdir(), 'deployx-start-'))
  })
  afterAll(() => rmSync(top, { recursive: true, force: true }))

  it('runs the agent unchanged if no update is on trial: its arguments, its exit code, its guard', async () => {
    const disk = makeDisk('well')
    writeFileSync(
      join(disk, 'deployx-agent'),
      '#!/bin/sh\n[ "$DEPLOYX_UPDATE_GUARD" = 1 ] && [ "$1" = run ] && exit 2\nexit 1\n',
    )
    expect(await start(disk)).toBe(2)
  })

  it('keeps a new version that confirms itself', async () => {
    const disk = diskCutOff('posix', 'none', 'well')
    await start(disk)
    await start(disk)
    expect(ran(disk)).toEqual(['new', 'new'])
    expect(existsSync(join(disk, 'update-trial'))).toBe(false)
  })

  it.each([
    ['crashes', 3, 'starts'],
    ['ends with 0', 3, 'starts'],
    ['ends with 2', 3, 'starts'],
    ['hangs', 1, 'link'],
  ] as const)('rolls back one that %s', async (nature, starts, reason) => {
    const disk = diskCutOff('posix', 'none', nature)
    const codes: (number | null)[] = []
    for (let n = 0; n < 5; n++) codes.push(await start(disk))
    expect(ran(disk).filter((name) => name === 'new')).toHaveLength(starts)
    expect(ran(disk).at(-1)).toBe('old')
    expect(verdict(disk)).toBe(reason)
    // systemd does not restart a service that ended with 2.
    expect(codes).not.toContain(2)
  })

  it('rolls back a trial whose starts cannot be counted', async () => {
    const disk = diskCutOff('posix', 'none', 'crashes')
    mkdirSync(join(disk, 'update-trial.tmp'))
    await start(disk)
    expect(ran(disk)).toEqual(['old'])
  })

  it('restarts its count if the count was lost, and never runs without the previous version', async () => {
    const disk = diskCutOff('posix', 'none', 'crashes')
    for (const junk of ['', 'x\n', '-1\n', '08\n', '99999999999999999999\n', '1; reboot\n']) {
      writeFileSync(join(disk, 'update-trial'), junk)
      await start(disk)
      expect(readFileSync(join(disk, 'update-trial'), 'utf8')).toBe('1\n')
    }
    rmSync(join(disk, 'deployx-agent.previous'))
    await start(disk)
    expect([existsSync(join(disk, 'update-trial')), verdict(disk)]).toEqual([false, 'starts'])
  })

  it('forwards a stop to the agent, and kills one that hangs', async () => {
    const disk = diskCutOff('posix', 'none', 'hangs')
    writeFileSync(join(disk, 'start.sh'), startScript('deployx-agent', 60))
    const child = spawn('/bin/sh', [join(disk, 'start.sh'), 'run'], { stdio: 'ignore' })
    while (ran(disk).length === 0) await new Promise((resolve) => setTimeout(resolve, 50))
    const ended = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGTERM')
    await ended
    expect(spawnSync('pgrep', ['-f', `${disk}/`], { encoding: 'utf8' }).stdout).toBe('')
  })

  describe.each(['posix', 'windows'] as const)('after a power cut (%s order)', (system) => {
    it.each(STEPS[system])('starts an agent if it happened before step %s', async (step) => {
      const isSwapped = step === 'sync' || step === 'none'
      const check = async (nature: 'well' | 'crashes'): Promise<void> => {
        const disk = diskCutOff(system, step, nature)
        for (let n = 0; n < 4; n++) await start(disk)
        expect(ran(disk).at(-1)).toBe(isSwapped && nature === 'well' ? 'new' : 'old')
      }
      await Promise.all([check('well'), check('crashes')])
    })
  })

  it('always ends up with an agent that starts, whatever the new one does and whenever the power fails', async () => {
    const cut = fc.option(fc.integer({ min: 0, max: 60 }), { nil: null })
    await fc.assert(
      fc.asyncProperty(
        fc
          .constantFrom('posix' as const, 'windows' as const)
          .chain((system) => fc.tuple(fc.constant(system), fc.constantFrom(...STEPS[system]))),
        fc.constantFrom<Nature[]>('well', 'crashes', 'ends with 0', 'ends with 2'),
        fc.array(cut, { maxLength: 6 }),
        async ([system, step], nature, cuts) => {
          const disk = diskCutOff(system, step, nature)
          for (const after of cuts) await start(disk, after)
          for (let n = 0; n < 4; n++) await start(disk)
          const last = ran(disk).at(-1)
          expect(['old', 'new']).toContain(last)
          if (nature !== 'well') expect(last).toBe('old')
          expect(existsSync(join(disk, 'update-trial'))).toBe(false)
        },
      ),
      { numRuns: 20 },
    )
  })
})
