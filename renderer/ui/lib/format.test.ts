import { describe, expect, it } from 'vitest'
import {
  formatBytes,
  formatBytesOf,
  formatClock,
  formatCount,
  formatPercent,
  formatRelative,
  formatSpan,
  formatTimeLeft,
} from './format.ts'

describe('sizes', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [10 * 1024 * 1024, '10 MiB'],
    [1023.7 * 1024, '1 MiB'],
    [4.1 * 1024 ** 3, '4.1 GiB'],
    [NaN, '–'],
  ])('writes %d bytes as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text))

  it('shows a shared unit once', () => {
    expect(formatBytesOf(1.3 * 1024 ** 3, 4.1 * 1024 ** 3)).toBe('1.3 of 4.1 GiB')
    expect(formatBytesOf(500 * 1024 ** 2, 4.1 * 1024 ** 3)).toBe('500 MiB of 4.1 GiB')
  })
  it('never shows more than the total', () =>
    expect(formatBytesOf(3_000, 2_048)).toBe('2 of 2 KiB'))
  it('separates thousands', () => expect(formatCount(1_234_567)).toBe('1,234,567'))
})

describe('durations and times', () => {
  it('formats a running clock', () => {
    expect(formatClock(41_000)).toBe('0:41')
    expect(formatClock(3_700_000)).toBe('1:01:40')
    expect(formatClock(-5)).toBe('0:00')
  })
  it('formats durations in at most two units', () => {
    expect(formatSpan(59_000)).toBe('59 s')
    expect(formatSpan(8 * 60_000)).toBe('8 min')
    expect(formatSpan(125 * 60_000)).toBe('2 h 5 min')
    expect(formatSpan(52 * 3_600_000)).toBe('2 d 4 h')
  })
  it('shows no remaining time while the speed is unknown', () => {
    expect(formatTimeLeft(1000, null)).toBeNull()
    expect(formatTimeLeft(1000, 0)).toBeNull()
  })
  it('rounds the remaining time up', () => {
    expect(formatTimeLeft(1_000, 1_000)).toBe('a few seconds left')
    expect(formatTimeLeft(61_000, 1_000)).toBe('2 min left')
  })
  it('formats times relative to now', () => {
    const now = Date.parse('2026-11-23T10:00:00Z')
    const ago = (ms: number) => formatRelative(new Date(now - ms).toISOString(), now)
    expect(ago(10_000)).toBe('just now')
    expect(ago(5 * 60_000)).toBe('5 min ago')
    expect(ago(2 * 3_600_000)).toBe('2 h ago')
    expect(ago(-3_600_000)).toBe('in 1 h')
    expect(ago(400 * 86_400_000)).toMatch(/ 2025$/)
  })
})

it('shows 100 % only when complete and 0 % only before the start', () => {
  expect(formatPercent(0)).toBe('0%')
  expect(formatPercent(0.0001)).toBe('1%')
  expect(formatPercent(0.9999)).toBe('99%')
  expect(formatPercent(1)).toBe('100%')
})
