import { coded } from '#shared/domain/coded-texts/codes.ts'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { attemptFiles, forgetCommand, readSpec } from '../supervisor/files.ts'
import { writeDurably } from '../lib/atomic-file.ts'
import { failure } from './conclude.ts'
import { withoutSecrets } from './secrets.ts'

it('hides the secrets of a command in its result', () => {
  const outcome = failure(
    'install_failed',
    coded('agent_failed', { error: 'Bad key LIC-7QX2.' }),
    'a\nLIC-7QX2\nLIC-7',
  )
  expect(withoutSecrets(outcome, { secret_values: ['LIC-7QX2'] })).toMatchObject({
    message: 'The agent failed: Bad key ●●●.',
    result_code: 'agent_failed',
    result_params: { error: 'Bad key ●●●.' },
    error_details: 'a\n●●●\n●●●',
  })
  expect(withoutSecrets(outcome, {})).toEqual(outcome)
})

it('removes arguments and environment from the spec of an attempt that has ended', () => {
  const folder = mkdtempSync(join(tmpdir(), 'deployx-spec-'))
  try {
    const spec = {
      attempt_id: 'a',
      command: { file: '/bin/sh', args: ['x', 'PIDKEY=LIC-7QX2'], verbatim: false },
      env: { A: 'LIC-7QX2' },
      cwd: folder,
      timeout_seconds: 1,
      grace_ms: 0,
      start: 1,
    }
    writeDurably(attemptFiles(folder).spec, JSON.stringify(spec))
    forgetCommand(folder)
    expect(readFileSync(attemptFiles(folder).spec, 'utf8')).not.toContain('LIC-7QX2')
    expect(readSpec(folder)).toEqual({ ...spec, command: { ...spec.command, args: [] }, env: {} })
    forgetCommand(join(folder, 'none'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
