import { expect, it } from 'vitest'
import { AUDIT_ACTIONS } from '#shared/domain/audit-actions.ts'
import { formatExact } from '../../ui/lib/format.ts'
import { actionInWords, detailsInWords, sentenceOf } from './audit-text.ts'

it('names an action', () => {
  expect(actionInWords('deployment.cancel')).toBe('Deployment cancelled')
  expect(actionInWords('enrollment.revoke')).toBe('Code revoked')
  expect(actionInWords('software.update_installer')).toBe('Installer corrected')
})
it('names unknown actions by their identifier', () => {
  expect(actionInWords('site_kit.export')).toBe('Site kit export')
  expect(actionInWords('user.constructor')).toBe('User constructor')
  expect(actionInWords('')).toBe('')
})
it('formats recorded changes and leaves other details unchanged', () => {
  expect(detailsInWords('{"version":"2","success_exit_codes":[0,3010]}')).toBe(
    'version: 2, success exit codes: [0,3010]',
  )
  expect(detailsInWords('tool.sh: {"arch":"arm64"}')).toBe('tool.sh: arch: arm64')
  expect(detailsInWords('a {b} c')).toBe('a {b} c')
  expect(detailsInWords('setup.exe')).toBe('setup.exe')
  const at = '2026-11-23T18:55:46.986Z'
  expect(detailsInWords(`50 uses until ${at}`)).toBe(`50 uses until ${formatExact(at)}`)
})

const sentence = (actor: string, action: string, subject: string) =>
  sentenceOf({ actor, action, subject })
    .map(({ text }) => text)
    .join('')
it('turns an entry into a sentence', () => {
  expect(sentence('anna', 'deployment.create', 'deployment VLC')).toBe(
    'anna created deployment VLC',
  )
  expect(sentence('system', 'deployment.end', 'deployment VLC')).toBe('Deployment VLC ended')
  expect(sentence('system', 'deployment.pause', 'deployment VLC')).toBe(
    'The controller paused deployment VLC',
  )
  expect(sentence('unknown', 'user.login_failed', 'user anna')).toBe(
    'A sign-in as anna was refused',
  )
})
it('leaves names that look like placeholders unchanged', () => {
  expect(sentence('{what}', 'group.create', 'group {who}')).toBe('{what} created group {who}')
})
it('describes entries with unknown actions', () => {
  expect(sentence('anna', 'site_kit.export', 'kit 1')).toBe('anna: Site kit export, kit 1')
})
it.each(AUDIT_ACTIONS)('fills every placeholder in the sentence of %s', (action) => {
  expect(sentence('anna', action, 'thing X')).not.toMatch(/[{}]|undefined/)
})
