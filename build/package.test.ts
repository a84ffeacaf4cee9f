import { expect, it } from 'vitest'
import { chooseVariant } from './package.ts'

it('marks as a release only an official Electron with all fuses closed', () => {
  expect(chooseVariant({ origin: 'official' }, false)).toBe('release')
  expect(chooseVariant({ origin: 'official' }, true)).toBe('inspectable')
  expect(chooseVariant({ origin: 'registry-fallback' }, false)).toBe('not-a-release')
  expect(chooseVariant({ origin: 'registry-fallback' }, true)).toBe('inspectable')
})
