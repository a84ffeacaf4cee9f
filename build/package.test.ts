import { expect, it } from 'vitest'
import { chooseVariant } from './package.ts'

it('calls nothing a release but the released Electron without an open fuse', () => {
  expect(chooseVariant({ origin: 'official' }, false)).toBe('release')
  expect(chooseVariant({ origin: 'official' }, true)).toBe('inspectable')
  expect(chooseVariant({ origin: 'registry-fallback' }, false)).toBe('not-a-release')
  expect(chooseVariant({ origin: 'registry-fallback' }, true)).toBe('inspectable')
})
