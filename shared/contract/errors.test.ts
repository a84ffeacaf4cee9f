import { describe, expect, it } from 'vitest'
import { codeOfReason, ErrorReason } from './error-reasons.ts'
import { AppError, ErrorReply, WireError } from './errors.ts'

describe('an error with several situations', () => {
  const error = AppError.of('files_damaged', { software: 'Editor 2.1', n: 3 })

  it('sends the situation, its parameters and the English text', () => {
    const { error: wire } = ErrorReply.parse(error.toReply())
    expect(wire).toEqual({
      code: 'E_ILLEGAL_STATE',
      message:
        'The file of Editor 2.1 is damaged on this controller, and of 3 more. Upload it again under Software.',
      reason: 'files_damaged',
      params: { software: 'Editor 2.1', n: 3 },
      details: [],
    })
  })
  it('stays the same when another thread reports it', () => {
    const wire = error.toReply().error
    expect(AppError.fromWire(wire).toReply()).toEqual(error.toReply())
    const plain = new AppError('E_BUSY', 'Locked.')
    expect(AppError.fromWire(plain.toReply().error).toReply()).toEqual(plain.toReply())
  })
  it('keeps the text of a situation that this version does not know', () => {
    const wire = { ...error.toReply().error, reason: 'invented_later' }
    expect(WireError.parse(wire)).toMatchObject({ message: error.message, reason: undefined })
  })
  it('has one code', () => {
    for (const reason of ErrorReason.options) expect(codeOfReason(reason)).toMatch(/^E_/)
  })
  it('cannot be created without its situation', () => {
    // @ts-expect-error: this code has several situations
    expect(new AppError('E_ILLEGAL_STATE', 'Something else.').situation).toBeNull()
    // @ts-expect-error: a parameter is missing
    expect(AppError.of('file_damaged', {}).code).toBe('E_ILLEGAL_STATE')
  })
})
