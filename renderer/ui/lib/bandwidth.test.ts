import { expect, it } from 'vitest'
import {
  BANDWIDTH_BOUNDS,
  bandwidthInWords,
  fromDraft,
  limitsInWords,
  toDraft,
} from './bandwidth.ts'

it('formats a limit', () => {
  expect(bandwidthInWords(null)).toBe('no limit')
  expect(bandwidthInWords(512)).toBe('512 KiB/s')
  expect(bandwidthInWords(2048)).toBe('2 MiB/s')
  expect(BANDWIDTH_BOUNDS).toBe('From 64 KiB/s to 10 GiB/s; empty for no limit.')
})
it('describes the limits that apply to a download', () => {
  const limits = (hub: number | null, device: number | null) =>
    limitsInWords({ bandwidth_hub_kib_s: hub, bandwidth_device_kib_s: device })
  expect(limits(2048, 512)).toBe('limited to 2 MiB/s, 512 KiB/s each PC')
  expect(limits(2048, null)).toBe('limited to 2 MiB/s')
  expect(limits(null, 512)).toBe('limited to 512 KiB/s each PC')
  expect(limits(null, null)).toBeNull()
  expect(limitsInWords(null)).toBeNull()
})
it.each([null, 64, 100, 1023, 1024, 1025, 1536, 10 * 1024, 10 * 1024 * 1024])(
  'converts %s to the form and back unchanged',
  (kib) => expect(fromDraft(toDraft(kib))).toBe(kib),
)
it('shows round figures in MiB/s and others in KiB/s', () => {
  expect(toDraft(1536)).toEqual({ value: 1.5, unit: 'mib' })
  expect(toDraft(1025)).toEqual({ value: 1025, unit: 'kib' })
  expect(toDraft(512)).toEqual({ value: 512, unit: 'kib' })
  expect(toDraft(null)).toEqual({ value: null, unit: 'mib' })
})
it('rejects values out of range and text that is not a number', () => {
  expect(fromDraft({ value: 63, unit: 'kib' })).toBe('invalid')
  expect(fromDraft({ value: 0.05, unit: 'mib' })).toBe('invalid')
  expect(fromDraft({ value: 10_241, unit: 'mib' })).toBe('invalid')
  expect(fromDraft({ value: Number.NaN, unit: 'mib' })).toBe('invalid')
  expect(fromDraft({ value: Number.POSITIVE_INFINITY, unit: 'kib' })).toBe('invalid')
  expect(fromDraft({ value: -1, unit: 'mib' })).toBe('invalid')
})
