import { expect, it } from 'vitest'
import { archiveQuestion, choicesFor } from './archive-question.ts'
import type { Failure } from '../../ui/lib/error-text.ts'

const failure = (...details: Failure['details']): Failure => ({
  code: 'E_VALIDATION',
  message: 'The archive: …',
  details,
})
const choice = (i: number, message: string) => ({ path: `/entry/choices/${i}`, message })

it('derives the question and its choices from a refusal', () => {
  const asked = archiveQuestion(
    failure({ path: '/platform', message: 'x' }, choice(0, 'a.exe'), choice(1, 'b.sh')),
  )
  expect(asked).toEqual({ asksPlatform: true, choices: ['a.exe', 'b.sh'] })
  expect(choicesFor(asked!, 'windows')).toEqual(['a.exe'])
  expect(choicesFor(asked!, 'linux')).toEqual(['b.sh'])
  expect(archiveQuestion(failure({ path: '/entry', message: 'x' }, choice(0, 'a')))).toEqual({
    asksPlatform: false,
    choices: ['a'],
  })
})

it('asks nothing after any other refusal or without choices', () => {
  expect(archiveQuestion(failure({ path: '/arch', message: 'x' }))).toBeNull()
  expect(archiveQuestion(failure({ path: '/entry', message: 'x' }))).toBeNull()
  expect(archiveQuestion({ ...failure(choice(0, 'a')), code: 'E_CONFLICT' })).toBeNull()
  expect(archiveQuestion(null)).toBeNull()
})
