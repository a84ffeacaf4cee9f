import { describe, expect, it } from 'vitest'
import { textsOf } from './i18n.ts'

describe('the texts of a feature', () => {
  const t = textsOf('example', {
    title: 'Groups',
    sheet: {
      pcs: '{n} PC in {group} | {n} PCs in {group}',
      exit: 'Exit code {code}',
      mail: "anna{'@'}example.org",
    },
  })
  it('are found by their key', () => expect(t('title')).toBe('Groups'))
  it('choose the plural form and separate thousands', () => {
    expect(t('sheet.pcs', { n: 0, group: 'Lab' })).toBe('0 PCs in Lab')
    expect(t('sheet.pcs', { n: 1, group: 'Lab' })).toBe('1 PC in Lab')
    expect(t('sheet.pcs', { n: 12_000, group: 'Lab' })).toBe('12,000 PCs in Lab')
  })
  it('show other numbers as they are', () =>
    expect(t('sheet.exit', { code: 3010 })).toBe('Exit code 3010'))
  it('show names as they are, whatever is in them', () =>
    expect(t('sheet.pcs', { n: 1, group: "{n} @:title | {'x'}" })).toBe(
      "1 PC in {n} @:title | {'x'}",
    ))
  it('may contain escaped signs', () => expect(t('sheet.mail')).toBe('anna@example.org'))
  it('do not compile with a wrong key or a missing parameter', () => {
    // @ts-expect-error: no such key
    expect(t('sheet.none')).toBe('example.sheet.none')
    // @ts-expect-error: the group is missing
    expect(t('sheet.pcs', { n: 1 })).toBe('1 PC in ')
    // @ts-expect-error: the count is not a number
    expect(t('sheet.pcs', { n: '1', group: 'Lab' })).toBe('1 PC in Lab')
    // @ts-expect-error: the code is missing
    expect(t('sheet.exit')).toBe('Exit code ')
  })
  it('have paths for sentences with components in them', () =>
    expect(t.path('sheet.exit')).toBe('example.sheet.exit'))
})
