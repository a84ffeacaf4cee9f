import { readCoded, type Effects } from '#shared/domain/coded-texts/codes.ts'
import { compose } from '#shared/domain/coded-texts/compose.ts'
import { describe, expect, it } from 'vitest'
import type { Presence } from '../install/installers.ts'
import type { Ending } from '../supervisor/client.ts'
import type { Exit } from '../supervisor/files.ts'
import { conclude, outcomeIfNothingToDo } from './conclude.ts'

const exited = (part: Partial<Exit>): Ending => ({
  kind: 'exited',
  exit: {
    exit_code: 0,
    signal: null,
    timed_out: false,
    start_error: null,
    omitted_bytes: 0,
    ...part,
  },
})
const conclusionOf = (
  ending: Ending,
  presence: Presence | null = null,
  part: {
    kind?: 'msi' | 'sh' | 'exe'
    action?: 'install' | 'uninstall'
    codes?: number[]
    asksRestart?: boolean
    effects?: Effects
  } = {},
) =>
  conclude({
    payload: {
      action: part.action ?? 'install',
      kind: part.kind ?? 'msi',
      success_exit_codes: part.codes ?? [],
      timeout_seconds: 60,
    },
    ending,
    presence,
    asksRestart: part.asksRestart ?? false,
    effects: part.effects,
    lastLines: 'last words',
  })

describe('the result of an ended installer', () => {
  it.each([
    ['0 without a rule', exited({}), null, 'success', undefined],
    ['0 and found', exited({}), 'present', 'success', undefined],
    ['0 and not found', exited({}), 'absent', 'failed', 'not_detected'],
    ['0 and the rule gives no answer', exited({}), 'unknown', 'success', undefined],
    ['3010', exited({ exit_code: 3010 }), null, 'success', 'reboot_pending'],
    ['1641', exited({ exit_code: 1641 }), null, 'success', 'reboot_pending'],
    ['3010 and not found yet', exited({ exit_code: 3010 }), 'absent', 'success', 'reboot_pending'],
    ['1618', exited({ exit_code: 1618 }), null, 'failed', 'retry_later'],
    ['1618, but found', exited({ exit_code: 1618 }), 'present', 'success', undefined],
    ['1603', exited({ exit_code: 1603 }), 'absent', 'failed', 'install_failed'],
    ['1603, but found', exited({ exit_code: 1603 }), 'present', 'success', undefined],
    ['a signal', exited({ exit_code: null, signal: 'SIGKILL' }), null, 'failed', 'install_failed'],
    ['a timeout', exited({ exit_code: null, timed_out: true }), 'absent', 'failed', 'timeout'],
    ['unknown end', { kind: 'unknown', timedOut: false }, null, 'failed', 'interrupted'],
    [
      'unknown end, but found',
      { kind: 'unknown', timedOut: false },
      'present',
      'success',
      undefined,
    ],
    ['unknown end after a timeout', { kind: 'unknown', timedOut: true }, null, 'failed', 'timeout'],
    ['not started', { kind: 'not_started' }, null, 'failed', 'internal'],
  ] as const)('%s', (_what, ending, presence, status, reason) => {
    const outcome = conclusionOf(ending, presence)
    expect(outcome.status).toBe(status)
    expect(outcome.reason).toBe(reason)
    // The controller composes the same message from the code and its parameters.
    const text = readCoded(outcome.result_code, outcome.result_params)
    expect(text && compose(text)).toBe(outcome.message)
  })

  it('names what else was changed on the PC, whatever the outcome', () => {
    const effects = { removed: 'office 1.0' }
    const messageOf = (ending: Ending, presence: Presence | null = null): string =>
      conclusionOf(ending, presence, { kind: 'sh', effects }).message
    expect(messageOf(exited({}))).toBe('Installed. It also removed office 1.0. Exit code 0.')
    const timedOut = exited({ exit_code: null, timed_out: true })
    for (const message of [
      messageOf(exited({ exit_code: 1 })),
      messageOf(exited({ exit_code: 1 }), 'present'),
      messageOf(exited({}), 'absent'),
      messageOf(exited({ exit_code: null, signal: 'SIGKILL' })),
      messageOf(timedOut),
      messageOf({ kind: 'unknown', timedOut: false }),
    ])
      expect(message).toMatch(/ It may also have removed office 1\.0\.$/)
    for (const ending of [exited({}), timedOut])
      expect(conclusionOf(ending).message).not.toMatch(/also/)
  })

  it('has a message that begins with what happened', () => {
    expect(conclusionOf(exited({ exit_code: 1603 })).message).toBe(
      'The installer failed with exit code 1603: fatal error during installation.',
    )
    const removal = { action: 'uninstall' } as const
    expect(conclusionOf(exited({ exit_code: 1603 }), 'present', removal).message).toBe(
      'The removal failed with exit code 1603: fatal error during the removal.',
    )
    expect(conclusionOf(exited({ exit_code: 1603 }), 'absent', removal).message).toBe(
      'Removed: the uninstaller failed with exit code 1603 (fatal error during the removal), but the detection rule does not find the software.',
    )
    expect(conclusionOf(exited({ exit_code: 3010 })).message).toBe(
      'Installed. A restart of this PC completes it (exit code 3010).',
    )
    expect(conclusionOf({ kind: 'unknown', timedOut: false }, 'absent').message).toBe(
      'The installer was interrupted and its exit code is not known. The detection rule does not find the software.',
    )
    expect(conclusionOf({ kind: 'unknown', timedOut: false }).message).toContain(
      'before you try again',
    )
    const refused = exited({
      exit_code: null,
      start_error: { code: 'EACCES', message: 'spawn EACCES' },
    })
    expect(conclusionOf(refused)).toMatchObject({
      message: 'The installer could not be started: this PC does not allow it to run.',
      error_details: 'spawn EACCES',
    })
  })

  it('contains the last lines of the output only after a failure', () => {
    expect(conclusionOf(exited({ exit_code: 1603 })).error_details).toBe('last words')
    expect(conclusionOf(exited({}))).not.toHaveProperty('error_details')
  })

  it('accepts the exit codes that a package defines as success', () => {
    expect(conclusionOf(exited({ exit_code: 7 }), null, { kind: 'exe', codes: [7] }).status).toBe(
      'success',
    )
    expect(conclusionOf(exited({ exit_code: 7 }), null, { kind: 'exe' }).status).toBe('failed')
  })

  it('inverts the rule for a removal', () => {
    const removed = conclusionOf(exited({}), 'absent', { action: 'uninstall' })
    expect(removed).toMatchObject({ status: 'success', message: 'Removed. Exit code 0.' })
    expect(conclusionOf(exited({}), 'present', { action: 'uninstall' })).toMatchObject({
      status: 'failed',
      reason: 'not_detected',
      message:
        'The installer reported success (exit code 0), but the detection rule finds the software.',
    })
  })

  it('is a success with a pending restart if a Debian package requests one and the rule finds it', () => {
    expect(conclusionOf(exited({}), 'present', { asksRestart: true })).toEqual({
      status: 'success',
      reason: 'reboot_pending',
      message: 'Installed. The package requests a restart of this PC. Exit code 0.',
      result_code: 'installed',
      result_params: { exit_code: 0, asks_restart: 1 },
      exit_code: 0,
    })
    expect(conclusionOf(exited({}), 'absent', { asksRestart: true })).toMatchObject({
      status: 'failed',
      reason: 'not_detected',
    })
  })
})

describe('before any work', () => {
  it('there is nothing to do if the PC is already in the requested state', () => {
    expect(outcomeIfNothingToDo('install', 'present')).toMatchObject({ status: 'skipped' })
    expect(outcomeIfNothingToDo('uninstall', 'absent')).toMatchObject({ status: 'skipped' })
    expect(outcomeIfNothingToDo('install', 'absent')).toBeNull()
    expect(outcomeIfNothingToDo('install', 'unknown')).toBeNull()
    expect(outcomeIfNothingToDo('uninstall', 'unknown')).toBeNull()
  })
})
