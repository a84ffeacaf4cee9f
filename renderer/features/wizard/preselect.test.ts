import { expect, it } from 'vitest'
import { DeviceId } from '#shared/domain/ids.ts'
import { joinIds, withChosen } from './preselect.ts'

const ids = (...numbers: number[]) => numbers.map((n) => DeviceId.parse(n))

it('adds the ids in the address to those already chosen, each once', () => {
  expect(withChosen(ids(3, 1), '1,2,7', DeviceId)).toEqual([3, 1, 2, 7])
  expect(withChosen(ids(), joinIds(ids(4, 5)), DeviceId)).toEqual([4, 5])
  expect(withChosen(ids(), '9', DeviceId)).toEqual([9])
})

it('ignores values that are not ids', () => {
  expect(withChosen(ids(1), ',0,-3,1.5,x,Infinity,2', DeviceId)).toEqual([1, 2])
  for (const value of [undefined, null, ['1', '2'], ''])
    expect(withChosen(ids(1), value, DeviceId)).toEqual([1])
  expect(withChosen(ids(), '1,'.repeat(50_000) + '2', DeviceId)).toEqual([1])
})
