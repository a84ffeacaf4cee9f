import { describe, expect, it } from 'vitest'
import type { DeviceId } from '#shared/domain/ids.ts'
import { nameAfter } from './names.ts'

const row = (more: Partial<Parameters<typeof nameAfter>[0]> = {}) => ({
  name: 'KASSE-1',
  reported_name: 'KASSE-1',
  name_given: false,
  split_from: null,
  ...more,
})

describe("a PC's name", () => {
  it('follows the name that the PC reports', () => {
    expect(nameAfter(row(), 'ANNA')).toEqual({ name: 'ANNA', reported_name: 'ANNA' })
    expect(nameAfter(row(), 'KASSE-1')).toBeNull()
  })
  it('stays as given by a user, and the reported name is remembered', () => {
    const given = row({ name: 'Front desk', name_given: true })
    expect(nameAfter(given, 'ANNA')).toEqual({ name: 'Front desk', reported_name: 'ANNA' })
  })
  it('follows in databases that did not store the reported name', () => {
    expect(nameAfter(row({ reported_name: null }), 'ANNA')?.name).toBe('ANNA')
  })
  it('keeps the number that a clone got', () => {
    const copy = row({ name: 'KASSE-1 (2)', reported_name: null, split_from: 1 as DeviceId })
    expect(nameAfter(copy, 'KASSE-1')?.name).toBe('KASSE-1 (2)')
    expect(nameAfter({ ...copy, reported_name: 'KASSE-1' }, 'LAGER')?.name).toBe('LAGER')
  })
})
