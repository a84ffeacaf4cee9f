/** The output stream with real files, and a hub that sometimes does not answer. */
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import type { DeploymentOutput, ReportReply } from '#shared/contract/agent/link.ts'
import { AttemptId, type DeploymentId, type TargetId } from '#shared/domain/ids.ts'
import type { Reporter } from '../link/reporter.ts'
import { OUTPUT_HALF_BYTES } from '../supervisor/output-limit.ts'
import { makeFolder } from '../test-kit/agent-process.ts'
import { lastLines, leftoverBytes, unfinishedBytes } from './output-file.ts'
import { createOutputStream } from './output.ts'

const names = {
  deployment_id: 1 as DeploymentId,
  target_id: 1 as TargetId,
  attempt: 1,
  attempt_id: AttemptId.parse('a'.repeat(32)),
}
let folder: ReturnType<typeof makeFolder>
let log: string
let pieces: DeploymentOutput[]
let isReady: boolean
let answer: () => Promise<ReportReply>
const signal = new AbortController().signal

beforeEach(() => {
  folder = makeFolder()
  log = join(folder.path, 'output.log')
  pieces = []
  isReady = true
  answer = async () => ({ committed: true })
})
afterEach(() => folder.remove())

/** Simulates the link: keeps the first version of each piece, as a hub does. */
const reporter: Reporter = {
  async report(_event, body) {
    const piece = body as DeploymentOutput
    const known = pieces.find((other) => other.seq === piece.seq)
    if (known) expect(piece.text).toBe(known.text)
    else pieces.push(piece)
    return answer()
  },
  isReady: () => isReady,
  whenReady: async () => undefined,
}
const stream = () =>
  createOutputStream(folder.path, names, { reporter, clock: systemClock, random: systemRandom })
const text = (): string => pieces.map((piece) => piece.text).join('')
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('an output stream', () => {
  it('sends new output, in numbered pieces', async () => {
    const output = stream()
    output.poll()
    for (const line of ['one\n', 'two\n', 'three\n']) {
      appendFileSync(log, line)
      output.poll()
      await turn()
    }
    expect(pieces.map((piece) => [piece.seq, piece.text])).toEqual([
      [1, 'one\n'],
      [2, 'two\n'],
      [3, 'three\n'],
    ])
    output.close()
  })

  it('keeps an incomplete character until the rest has arrived', async () => {
    const output = stream()
    const euro = Buffer.from('€')
    writeFileSync(log, Buffer.concat([Buffer.from('5 '), euro.subarray(0, 2)]))
    output.poll()
    await turn()
    expect(text()).toBe('5 ')
    appendFileSync(log, euro.subarray(2))
    output.poll()
    await turn()
    expect(text()).toBe('5 €')
    output.close()
  })

  it('does not split pieces differently after a restart: a sent piece keeps its number and text', async () => {
    answer = async () => {
      throw new Error('no answer')
    }
    const first = stream()
    writeFileSync(log, 'early ')
    first.poll()
    await turn()
    first.close()
    appendFileSync(log, 'late')
    answer = async () => ({ committed: true })
    const second = stream()
    second.end(0)
    await second.drain(signal)
    expect(pieces.map((piece) => [piece.seq, piece.text])).toEqual([
      [1, 'early '],
      [2, 'late'],
    ])
    second.close()
  })

  it('sends the first and the last part of a long output, and how much is left out in between', async () => {
    const size = 3 * OUTPUT_HALF_BYTES
    writeFileSync(log, Buffer.alloc(size, 'ä'))
    const output = stream()
    output.end(1_000)
    await output.drain(signal)
    const leftOut = size - 2 * OUTPUT_HALF_BYTES + 1_000
    expect(text()).toContain(`\n[${leftOut} bytes of output are left out here]\n`)
    expect(text()).not.toContain('\uFFFD')
    expect(Buffer.byteLength(text())).toBeLessThan(2 * OUTPUT_HALF_BYTES + 100)
    output.close()
  })

  it('gives up when the hub does not accept a piece, so that the result does not wait', async () => {
    writeFileSync(log, 'x')
    let requests = 0
    answer = async () => {
      requests++
      return { committed: false }
    }
    const output = stream()
    output.end(0)
    await output.drain(signal)
    expect(requests).toBe(5)
    output.close()
  })

  it('loses and duplicates nothing, whatever is written and whenever it is restarted', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            bytes: fc.string({ unit: 'binary', maxLength: 30 }),
            restart: fc.boolean(),
            isOffline: fc.boolean(),
          }),
          { maxLength: 12 },
        ),
        async (steps) => {
          folder.remove()
          folder = makeFolder()
          log = join(folder.path, 'output.log')
          pieces = []
          let output = stream()
          for (const step of steps) {
            appendFileSync(log, step.bytes)
            isReady = !step.isOffline
            output.poll()
            await turn()
            if (step.restart) {
              output.close()
              output = stream()
            }
          }
          isReady = true
          output.end(0)
          await output.drain(signal)
          output.close()
          expect(pieces.map((piece) => piece.seq)).toEqual(pieces.map((_, i) => i + 1))
          const written = Buffer.from(steps.map((step) => step.bytes).join(''))
          expect(text()).toBe(written.toString('utf8'))
        },
      ),
      { numRuns: 40 },
    )
  })
})

describe('bytes that are not whole characters', () => {
  it('are counted at both ends', () => {
    const euro = Buffer.from('€')
    expect(unfinishedBytes(Buffer.from('abc'))).toBe(0)
    expect(unfinishedBytes(euro)).toBe(0)
    expect(unfinishedBytes(euro.subarray(0, 1))).toBe(1)
    expect(unfinishedBytes(euro.subarray(0, 2))).toBe(2)
    expect(unfinishedBytes(Buffer.from([0xf0, 0x9f, 0x98]))).toBe(3)
    expect(unfinishedBytes(Buffer.from([0x80, 0x80, 0x80, 0x80]))).toBe(0)
    expect(leftoverBytes(euro.subarray(1))).toBe(2)
    expect(leftoverBytes(Buffer.from('a'))).toBe(0)
  })
})

describe('the last lines', () => {
  it('are complete lines, as many as fit', () => {
    writeFileSync(log, 'first line\nsecond line\nthird line\n')
    expect(lastLines(log, 1_000)).toBe('first line\nsecond line\nthird line')
    expect(lastLines(log, 20)).toBe('third line')
    expect(lastLines(log, 5)).toBe('line')
    expect(lastLines(join(folder.path, 'missing'), 10)).toBe('')
  })
})
