import { expect, it } from 'vitest'
import { stemOf } from './file-stem.ts'

it.each([
  ['setup.v2.exe', 'setup.v2'],
  ['setup (1).sh', 'setup (1)'],
  ['tool.tar.gz', 'tool'],
  ['tool.TAR.XZ', 'tool'],
  ['.tar.gz', '.tar'],
  ['.sh', '.sh'],
  ['plain', 'plain'],
])('the name of %s without its extension is %s', (fileName, stem) => {
  expect(stemOf(fileName)).toBe(stem)
})
