import { expect, it } from 'vitest'
import { actionInWords, detailsInWords } from './audit-text.ts'

it('says what was done', () => {
  expect(actionInWords('deployment.cancel')).toBe('Deployment cancelled')
  expect(actionInWords('enrollment.revoke')).toBe('Code revoked')
  expect(actionInWords('software.update_installer')).toBe('Installer corrected')
})
it('shows an action that it does not know as it is', () => {
  expect(actionInWords('site_kit.export')).toBe('Site kit export')
  expect(actionInWords('user.constructor')).toBe('User constructor')
  expect(actionInWords('')).toBe('')
})
it('reads a recorded change out, and leaves other details alone', () => {
  expect(detailsInWords('{"version":"2","success_exit_codes":[0,3010]}')).toBe(
    'version: 2, success exit codes: [0,3010]',
  )
  expect(detailsInWords('tool.sh: {"arch":"arm64"}')).toBe('tool.sh: arch: arm64')
  expect(detailsInWords('a {b} c')).toBe('a {b} c')
  expect(detailsInWords('setup.exe')).toBe('setup.exe')
})
