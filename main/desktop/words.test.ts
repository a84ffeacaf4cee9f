import { describe, expect, it } from 'vitest'
import { DeploymentCompleted } from '#shared/contract/feed.ts'
import {
  completionNotice,
  countsInWords,
  menuText,
  pcsInWords,
  plainText,
  quitWarning,
} from './words.ts'

const ended = (changes: object) =>
  DeploymentCompleted.parse({
    deployment_id: 1,
    deployment_name: 'Office 2024',
    status: 'partial',
    success_count: 31,
    failure_count: 1,
    skipped_count: 0,
    total_count: 32,
    created_at: '2026-01-01T00:00:00.000Z',
    ended_at: '2026-01-01T01:00:00.000Z',
    ...changes,
  })

describe('untrusted text', () => {
  it('becomes one line without control characters', () => {
    expect(plainText('  a\n\tb\u0000c\u001b[31md  ')).toBe('a b c [31md')
    expect(plainText('exe.\u202egnp')).toBe('exe. gnp')
    expect(plainText('x\u2028y\u200bz')).toBe('x y z')
    expect(plainText('\ud800x')).toBe('\ufffdx')
  })

  it('keeps markup as plain text', () => {
    expect(plainText('<b>&amp;</b>')).toBe('<b>&amp;</b>')
  })

  it('is cut between characters, never within one', () => {
    expect(plainText('ab👍cd', 4)).toBe('ab👍…')
    expect(plainText('abcd', 4)).toBe('abcd')
    expect(Array.from(plainText('😀'.repeat(500)))).toHaveLength(60)
  })
})

it('marks no menu letter by accident', () => {
  expect(menuText('R&D & more')).toBe('R&&D && more')
})

describe('the end of a deployment', () => {
  it('is described by counts, without zero counts', () => {
    expect(completionNotice(ended({}))).toEqual({
      title: 'Office 2024',
      body: '31 completed, 1 failed',
    })
    expect(countsInWords(ended({ success_count: 0, failure_count: 0, skipped_count: 3 }))).toBe(
      '3 skipped',
    )
    expect(countsInWords(ended({ success_count: 0, failure_count: 0, skipped_count: 0 }))).toBe(
      'nothing was installed',
    )
  })

  it("states that software was removed, whatever the deployment's name", () => {
    const removal = { action: 'uninstall', deployment_name: 'Friday' }
    expect(completionNotice(ended(removal))).toEqual({
      title: 'Friday',
      body: 'Removal: 31 completed, 1 failed',
    })
    expect(completionNotice(ended({ ...removal, status: 'canceled' })).body).toBe(
      'Removal cancelled: 31 completed, 1 failed',
    )
    const none = { success_count: 0, failure_count: 0, skipped_count: 0 }
    expect(completionNotice(ended({ ...removal, ...none })).body).toBe(
      'Removal: nothing was removed',
    )
  })

  it('states that it was cancelled', () => {
    expect(
      completionNotice(ended({ status: 'canceled', failure_count: 0, skipped_count: 9 })).body,
    ).toBe('Cancelled: 31 completed, 9 skipped')
  })

  it('is bounded, whatever its name', () => {
    const { title } = completionNotice(ended({ deployment_name: '\u202e' + 'x'.repeat(5000) }))
    expect(title).toBe('x'.repeat(59) + '…')
  })
})

it('counts PCs in words', () => {
  expect(pcsInWords(0, 0)).toBe('no PCs yet')
  expect(pcsInWords(1, 1)).toBe('1 of 1 PC online')
  expect(pcsInWords(3, 5)).toBe('3 of 5 PCs online')
})

it('explains what quitting does to running installers', () => {
  expect(quitWarning(1)).toEqual({
    message: '1 installation or removal is running. Quit DeployX?',
    detail:
      'A running installer continues there, and its result arrives when DeployX starts again. Nothing new starts until then.',
  })
  expect(quitWarning(12).message).toContain('12 installations')
})
