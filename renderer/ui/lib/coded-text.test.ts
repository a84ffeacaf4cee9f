import { describe, expect, it } from 'vitest'
import { coded } from '#shared/domain/coded-texts/codes.ts'
import {
  attemptText,
  cureText,
  findingText,
  pauseText,
  previewText,
  restartNoteText,
  restartText,
  resultText,
  updateText,
} from './coded-text.ts'

describe('a result', () => {
  const english = 'the English text of the controller'

  it('is composed from its code and parameters', () => {
    const { code, params } = coded('installer_failed', {
      kind: 'deb',
      exit_code: 100,
      cause: 'cause_script_failed',
      script: 'post-installation',
      package: 'editor',
      status: '1',
      removed: 'office 1.0',
      removed_more: 2,
    })
    expect(resultText({ result_message: english, result_code: code, result_params: params })).toBe(
      'The installer failed with exit code 100: apt could not complete the installation. The post-installation script of editor failed with exit status 1. It may also have removed office 1.0 and 2 more.',
    )
  })
  it('shows hostile parameters as text', () => {
    const device = "<img src=x> {n} @:ui.errors {'x'} | $t(x)"
    expect(
      resultText({ result_message: english, result_code: 'offline', result_params: { device } }),
    ).toBe(`${device} is offline.`)
  })
  it('keeps the stored text without a code, with one of a newer version, or without its parameters', () => {
    expect(resultText({ result_message: english })).toBe(english)
    const newer = 'invented_later' as 'offline'
    expect(resultText({ result_message: english, result_code: newer, result_params: {} })).toBe(
      english,
    )
    expect(resultText({ result_message: english, result_code: 'offline' })).toBe(english)
    expect(resultText({})).toBeNull()
  })
})

it('attempts, pauses and previews are composed in the same way', () => {
  const params = { n: 1, device: 'A' }
  expect(
    attemptText({ message: 'x', result_code: 'not_online_in_time', result_params: params }),
  ).toBe('A did not come online within 1 minute.')
  expect(
    pauseText({ pause_message: 'x', pause_code: 'paused_by', pause_params: { user: 'anna' } }),
  ).toBe('Paused by anna.')
  expect(previewText({ message: 'x', code: 'offline_waits', params: { n: 5 } })).toBe(
    'Offline; waits up to 5 minutes for it.',
  )
  expect(previewText({ message: 'x' })).toBe('x')
})

it('findings consist of sentences, and keep their text if one is unknown', () => {
  const missing = coded('check_database_missing', { file: '/d/deployx.db', keys: 1, traces: 1 })
  const similar = coded('check_more_similar', { n: 3 })
  expect(findingText({ text: 'x', text_codes: [missing, similar] })).toBe(
    'The database /d/deployx.db is missing, but its folder contains keys and traces of an earlier database. 3 more are similar.',
  )
  const later = { code: 'invented_later' as 'offline', params: {} }
  expect(findingText({ text: 'x', text_codes: [similar, later] })).toBe('x')
  expect(cureText({ cure: 'x' })).toBe('x')
})

it('restarts and updates of agents are composed in the same way, and keep the text of earlier agents', () => {
  const away = coded('restart_device_away', { device: 'A', n: 1 })
  expect(restartText({ message: 'x', ...away })).toBe('A was away or at work for 1 hour.')
  expect(restartText({ message: 'x' })).toBe('x')
  const { code, params } = coded('cannot_restart_without_rights', {})
  expect(
    restartNoteText({ restart_note: 'x', restart_note_code: code, restart_note_params: params }),
  ).toBe('Its agent runs without administrator rights. Install it as a service.')
  expect(restartNoteText({ restart_note: 'x' })).toBe('x')
  expect(updateText({ message: 'x', ...coded('place_writable', { path: '/opt' }) })).toBe(
    'Other users may write to /opt.',
  )
  expect(updateText({ message: '' })).toBe('')
})
