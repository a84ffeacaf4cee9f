import { expect, it } from 'vitest'
import { aDevice } from '../../test-kit.ts'
import { devicesMatching, onlineIds } from './device-picker.ts'

const DEVICES = [
  aDevice({ id: 1, name: 'Reception', platform: 'windows', os_version: 'Windows 11' }),
  aDevice({ id: 2, name: 'Café', platform: 'macos', os_version: '15.1', online: false }),
  aDevice({ id: 3, name: 'Lab', platform: 'linux', os_version: '' }),
]
const found = (query: string) => devicesMatching(DEVICES, query).map((d) => d.name)

it('finds PCs by name, by platform and by the version of the system', () => {
  expect(found('')).toEqual(['Reception', 'Café', 'Lab'])
  expect(found('cafe')).toEqual(['Café'])
  expect(found('linux')).toEqual(['Lab'])
  expect(found('15.1')).toEqual(['Café'])
  expect(found('windows recep')).toEqual(['Reception'])
  expect(found('windows lab')).toEqual([])
})

it('picks the PCs that are online', () => {
  expect(onlineIds(DEVICES)).toEqual([1, 3])
  expect(onlineIds(devicesMatching(DEVICES, 'cafe'))).toEqual([])
})
