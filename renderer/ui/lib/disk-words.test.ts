import { expect, it } from 'vitest'
import { diskInWords } from './disk-words.ts'

const MIB = 1024 * 1024

it('shows no warning while there is enough space', () => {
  expect(diskInWords({ level: 'enough', free_bytes: 900 * MIB })).toBeNull()
  expect(diskInWords({ level: 'enough', free_bytes: null })).toBeNull()
})

it('states how much is left, what is refused, and what to do', () => {
  expect(diskInWords({ level: 'short', free_bytes: 300 * MIB })).toBe(
    'The disk with the controller’s data has 300 MiB left. Delete software you no longer need, or free space on that disk.',
  )
  expect(diskInWords({ level: 'low', free_bytes: 12 * MIB })).toMatch(
    /almost full: 12 MiB left. Uploads, installer output and inventories are refused/,
  )
})
