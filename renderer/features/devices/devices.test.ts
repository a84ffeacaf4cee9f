import { expect, it } from 'vitest'
import type { Device } from '#shared/contract/rest/devices.ts'
import { copyNote } from './devices.ts'
import { aDevice } from '../../test-kit.ts'

const mapOf = (...devices: Device[]) => new Map(devices.map((d) => [d.id, d]))
const original = aDevice({ id: 12, name: 'PC-12' })
const copy = (id: number, change: Parameters<typeof aDevice>[0] = {}) =>
  aDevice({ id, name: `PC-12 (${id})`, approved: false, split_from: 12, ...change })

it('names the original of a clone, and that the clone waits until it is approved', () => {
  const note = copyNote(copy(2), mapOf(original, copy(2)))
  expect(note).toMatch(/^This PC had the same identity as PC-12 \(a cloned disk\)\./)
  expect(note).toMatch(/Nothing is sent to it until it is approved\.$/)
  const approved = copy(2, { approved: true })
  expect(copyNote(approved, mapOf(original, approved))).not.toMatch(/approved/)
  expect(copyNote(copy(2), mapOf(copy(2)))).toMatch(/same identity as another PC/)
})

it('lists the clones of an original, shortened when there are many', () => {
  expect(copyNote(original, mapOf(original, copy(2)))).toBe(
    'Another PC had this PC’s identity (a cloned disk) and now has its own: PC-12 (2). This PC keeps its history.',
  )
  const many = Array.from({ length: 39 }, (_, i) => copy(i + 20))
  expect(copyNote(original, mapOf(original, ...many))).toMatch(
    /^Other PCs .*: PC-12 \(20\), PC-12 \(21\), PC-12 \(22\) and 36 more\./,
  )
})

it('has no note for a PC that is neither', () => {
  expect(copyNote(original, mapOf(original, aDevice({ id: 1 })))).toBeNull()
})
