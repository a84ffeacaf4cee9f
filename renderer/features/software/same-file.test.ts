import { describe, expect, it } from 'vitest'
import type { z } from 'zod'
import type { Installer, Software } from '#shared/contract/rest/software.ts'
import type { UserId } from '#shared/domain/ids.ts'
import { aSoftware } from '../../test-kit.ts'
import { sameFileOf } from './same-file.ts'

const [HASH, OTHER_HASH] = ['a'.repeat(64), 'b'.repeat(64)]
const [ANN, BEN] = [1, 2] as UserId[]
/** What an upload of `setup.sh` makes. */
const entry = (
  id: number,
  change: Partial<Software> = {},
  installer: Partial<z.input<typeof Installer>> = {},
): Software =>
  aSoftware(
    { name: 'setup', version: '', owner_id: ANN, ...change, id },
    { file_name: 'setup.sh', install_args: '', sha256: HASH, ...installer },
  )
/** The id of the entry with the same file, and why there is a second one. */
const found = (software: Software, ...library: Software[]) => {
  const sameFile = sameFileOf(software, [software, ...library])
  return sameFile && [sameFile.entry.id, sameFile.why]
}

describe('the entry with the same file', () => {
  it('is found by the file only', () => {
    expect(found(entry(2), entry(1, {}, { sha256: OTHER_HASH }))).toBeNull()
    expect(found(entry(2, {}, { sha256: null }), entry(1, {}, { sha256: null }))).toBeNull()
    expect(found(entry(2, { name: 'Two' }), entry(1, { name: 'One' }))).toEqual([1, 'details'])
  })

  it('may belong to someone else', () => {
    expect(found(entry(2, { owner_id: BEN }), entry(1))).toEqual([1, 'owner'])
    const corrected = entry(1, { name: 'Setup for all' })
    expect(found(entry(2, { owner_id: BEN }), corrected)).toEqual([1, 'owner'])
    const chosen = entry(2, { owner_id: BEN, name: 'My setup' })
    expect(found(chosen, corrected)).toEqual([1, 'details'])
  })

  it('may come from a file with another name', () => {
    const renamed = entry(2, { name: 'setup (1)' }, { file_name: 'setup (1).sh' })
    expect(found(renamed, entry(1))).toEqual([1, 'file_name'])
    const called = entry(2, { name: 'Other' }, { file_name: 'setup (1).sh' })
    expect(found(called, entry(1))).toEqual([1, 'details'])
  })

  it.each<[string, Partial<Software>, Partial<z.input<typeof Installer>>]>([
    ['version', { version: '2' }, {}],
    ['arguments', {}, { install_args: '--all' }],
    ['platform', {}, { platform: 'linux' }],
    ['timeout', {}, { timeout_seconds: 60 }],
    ['exit codes', {}, { success_exit_codes: [7] }],
    ['detection rule', {}, { detection: { type: 'file', path: '/opt/x' } }],
  ])('may have another %s', (_what, change, installer) => {
    const other = entry(1, { ...change, owner_id: BEN }, installer)
    expect(found(entry(2), other)).toEqual([1, 'details'])
  })

  it('is never called the same if it has secrets, because nobody can compare them', () => {
    const hidden = { install_args: '/KEY=●●●', secret_args: ['/KEY'] }
    const second = entry(2, { owner_id: BEN }, hidden)
    expect(found(second, entry(1, {}, hidden))).toEqual([1, 'details'])
  })

  it('is the one that differs least, and then the oldest', () => {
    const second = entry(9, { owner_id: BEN })
    const [different, same, later] = [entry(1, { version: '2' }), entry(3), entry(4)]
    expect(found(second, later, same, different)).toEqual([3, 'owner'])
    expect(found(second, entry(2, { version: '3' }), different)).toEqual([1, 'details'])
  })
})
