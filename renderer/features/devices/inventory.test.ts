import { describe, expect, it } from 'vitest'
import { hardwareFacts, lookOfDisk, rebootText, usersText } from './inventory.ts'

const GIB = 1024 ** 3
const disk = (free: number, size = 100) => ({
  mount: 'C:\\',
  device: null,
  file_system: null,
  size_bytes: size * GIB,
  free_bytes: free * GIB,
})

describe('a disk', () => {
  it('shows the free space, and a warning in words when it is low', () => {
    expect(lookOfDisk(disk(40))).toEqual({
      used: 0.6,
      tone: 'plain',
      word: null,
      text: '40 GiB free of 100 GiB',
    })
    expect(lookOfDisk(disk(9))).toMatchObject({ tone: 'waiting', word: 'Low on space' })
    expect(lookOfDisk(disk(2))).toMatchObject({ tone: 'failed', word: 'Nearly full' })
    expect(lookOfDisk(disk(0, 0))).toMatchObject({ used: 1, tone: 'failed' })
    expect(lookOfDisk(disk(200))).toMatchObject({ used: 0 })
  })
})

describe('a pending restart', () => {
  it('shows its reasons', () => {
    expect(rebootText(['windows_update', 'file_renames'])).toBe(
      'Windows Update, files that are replaced at the next start',
    )
    expect(rebootText([])).toBeNull()
  })
})

describe('a PC', () => {
  it('keeps unknown facts as null, and marks a virtual machine', () => {
    const facts = hardwareFacts({
      manufacturer: null,
      model: 'KVM',
      serial: null,
      cpu: null,
      processors: 1,
      memory_bytes: 8 * GIB,
      firmware: null,
      virtual: true,
    })
    expect(facts.map((f) => f.value)).toEqual([
      null,
      'KVM (virtual)',
      null,
      null,
      '1 logical processor',
      '8 GiB',
      null,
    ])
    expect([usersText(null), usersText([]), usersText(['anna', 'bob'])]).toEqual([
      null,
      'nobody',
      'anna, bob',
    ])
  })
})
