import { expect, it } from 'vitest'
import { holdingsInWords, lookOfUser, removalInWords } from './users.ts'

const NOTHING = {
  devices: 0,
  groups: 0,
  software: 0,
  deployments: 0,
  active_deployments: 0,
  enrollments: 0,
}
it('lists what a user owns', () => {
  expect(holdingsInWords(NOTHING)).toBeNull()
  expect(holdingsInWords({ ...NOTHING, devices: 1 })).toBe('1 PC')
  expect(holdingsInWords({ ...NOTHING, devices: 3, groups: 1, deployments: 2 })).toBe(
    '3 PCs, 1 group and 2 deployments',
  )
})
it('announces the consequences of a removal', () => {
  const some = { ...NOTHING, devices: 2, deployments: 1, active_deployments: 1, enrollments: 1 }
  expect(removalInWords(some, null)).toEqual([
    'The account is signed out everywhere immediately.',
    '2 PCs, 1 deployment and 1 enrolment code will have no owner: only administrators see them.',
    '1 deployment that has not ended will continue.',
    'Enrolment codes of this account are revoked: PCs can no longer use them.',
    'What the account did stays in the audit log.',
  ])
  expect(removalInWords(some, 'anna')).toContain(
    '2 PCs, 1 deployment and 1 enrolment code will belong to anna.',
  )
  expect(removalInWords(some, 'anna').join()).not.toContain('revoked')
})
it('puts what blocks a sign-in first', () => {
  const user = { disabled: false, must_change_password: false, session_count: 1 }
  expect(lookOfUser(user).label).toBe('Signed in')
  expect(lookOfUser({ ...user, must_change_password: true }).label).toBe('Must choose a password')
  expect(lookOfUser({ ...user, must_change_password: true, disabled: true }).label).toBe('Disabled')
})
