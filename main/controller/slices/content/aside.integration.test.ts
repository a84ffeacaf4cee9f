/** Packages that were moved aside stay for 30 days, whatever the clock shows meanwhile. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createAside } from './aside.ts'

const DAY_MS = 24 * 3_600_000
const STORED_MS = Date.parse('2026-05-01T12:00:00Z')
const RIGHT_MS = Date.parse('2026-06-01T12:00:00Z')
const WRONG_MS = Date.parse('2000-01-01T00:00:00Z')

let dataDir: string
let nowMs: number
let aside: ReturnType<typeof createAside>
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'deployx-aside-'))
  nowMs = RIGHT_MS
  aside = createAside({
    dataDir,
    now: () => nowMs,
    databaseCreatedAt: () => '2026-04-01T00:00:00.000Z',
  })
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

function setAside(name: string): void {
  const path = join(dataDir, name)
  writeFileSync(path, name)
  utimesSync(path, STORED_MS / 1_000, STORED_MS / 1_000)
  aside.set([{ path, name }])
}
const files = (): string[] =>
  readdirSync(join(dataDir, 'content.aside'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .sort()
const folders = (): string[] => readdirSync(join(dataDir, 'content.aside')).sort()

it('removes a file 30 days after it was moved aside', () => {
  setAside('a')
  nowMs += 29 * DAY_MS
  expect([aside.removeOld(), files()]).toEqual([0, ['a']])
  nowMs += DAY_MS
  expect([aside.removeOld(), files()]).toEqual([1, []])
})

it('keeps a file for 30 days that was moved aside while the clock showed the year 2000', () => {
  nowMs = WRONG_MS
  setAside('a')
  nowMs = RIGHT_MS
  expect([aside.removeOld(), files()]).toEqual([0, ['a']])
  nowMs += 29 * DAY_MS
  expect(aside.removeOld()).toBe(0)
  nowMs += DAY_MS
  expect(aside.removeOld()).toBe(1)
})

it('keeps its age when the clock is set while the controller runs', () => {
  nowMs = WRONG_MS
  setAside('a')
  nowMs += 5 * DAY_MS
  nowMs += RIGHT_MS - WRONG_MS
  aside.moveTimes(RIGHT_MS - WRONG_MS)
  expect(folders()).toEqual(['2026-06-01T12-00-00-000Z'])
  nowMs += 24 * DAY_MS
  expect(aside.removeOld()).toBe(0)
  nowMs += DAY_MS
  expect(aside.removeOld()).toBe(1)
})

it('starts the 30 days again if the folder has a time in the future', () => {
  nowMs += 3_650 * DAY_MS
  setAside('a')
  nowMs = RIGHT_MS
  expect([aside.removeOld(), folders()]).toEqual([0, ['2026-06-01T12-00-00-000Z']])
  nowMs += 30 * DAY_MS
  expect(aside.removeOld()).toBe(1)
})

it('gives two folders that would get the same time different ones, and leaves others alone', () => {
  nowMs = WRONG_MS
  setAside('a')
  nowMs += 1_000
  setAside('b')
  mkdirSync(join(dataDir, 'content.aside', 'notes'))
  nowMs = RIGHT_MS
  aside.removeOld()
  expect(files()).toEqual(['a', 'b'])
  expect(folders()).toHaveLength(3)
  expect(folders()).toContain('notes')
})
