import { describe, expect, it } from 'vitest'
import type { TargetRestart } from '#shared/contract/rest/restarts.ts'
import {
  cancelRestartQuestion,
  canCancelRestart,
  openRestarts,
  restartInWords,
  restartLines,
  restartsInWords,
} from './restart-words.ts'
import { aTarget } from '../../test-kit.ts'

const NOW = new Date(2026, 10, 23, 14, 0).getTime()
const at = (hours: number, minutes: number, day = 23) =>
  new Date(2026, 10, day, hours, minutes).toISOString()
const aRestart = (change: Partial<TargetRestart>): TargetRestart => ({
  state: 'owed',
  calling_off: false,
  since: at(14, 0),
  ...change,
})

describe('a restart', () => {
  it.each<[Partial<TargetRestart>, string]>([
    [{ reason: 'device_busy' }, 'restart waits for other work on this PC'],
    [{ reason: 'waiting_for_window' }, 'restart waits until it may start'],
    [{ reason: 'retry_later' }, 'restart waits until the PC is free'],
    [{}, 'a restart is needed'],
    [{ state: 'ordered' }, 'sending the restart order'],
    [{ state: 'announced', due_at: at(14, 5) }, 'restarts at 14:05, notice is shown'],
    [{ state: 'announced', due_at: at(2, 10, 24) }, 'restarts tomorrow at 02:10, notice is shown'],
    [{ state: 'announced', due_at: at(14, 5), calling_off: true }, 'cancelling the restart'],
    [{ state: 'done', since: at(14, 5) }, 'restarted at 14:05'],
    [{ state: 'failed', message: 'No rights.' }, 'not restarted: No rights.'],
    [{ state: 'given_up', message: 'Away.' }, 'not restarted: Away.'],
    [{ state: 'canceled' }, 'restart cancelled, still needed'],
  ])('%j reads "%s"', (change, words) => {
    expect(restartInWords(aRestart(change), NOW)).toBe(words)
  })
})

describe('cancelling the restart of one PC', () => {
  const target = (restart?: Partial<TargetRestart>) =>
    aTarget({ device_name: 'LAB-07', ...(restart && { restart: aRestart(restart) }) })

  it('is possible once, until the restart has happened', () => {
    const possible = (restart?: Partial<TargetRestart>) => canCancelRestart(target(restart))
    for (const state of ['owed', 'ordered', 'announced'] as const)
      expect([state, possible({ state })]).toEqual([state, true])
    for (const state of ['done', 'failed', 'given_up', 'canceled'] as const)
      expect([state, possible({ state })]).toEqual([state, false])
    expect(possible({ state: 'announced', calling_off: true })).toBe(false)
    expect(possible()).toBe(false)
  })
  it('explains the consequences, and that other PCs restart as planned', () => {
    const { title, text, action } = cancelRestartQuestion(target({ state: 'owed' }), true, NOW)
    expect([title, action]).toEqual(['Cancel the restart of LAB-07?', 'Cancel restart'])
    expect(text).toBe(
      'No notice has been shown on the PC yet. The installation stays incomplete until someone restarts the PC. Other PCs of this deployment restart as planned.',
    )
  })
  it('withdraws the notice on an online PC, and warns that an offline PC may still restart', () => {
    const announced = target({ state: 'announced', due_at: at(14, 5) })
    expect(cancelRestartQuestion(announced, true, NOW).text).toMatch(
      /^The PC shows a notice that it restarts at 14:05\. It disappears/,
    )
    expect(cancelRestartQuestion(announced, false, NOW).text).toMatch(
      /^It is offline and already has the restart order\. Unless it reconnects first, it restarts at 14:05 anyway\./,
    )
  })
  it('uses the wording for a removal', () =>
    expect(
      cancelRestartQuestion({ ...target({ state: 'owed' }), action: 'uninstall' }, true, NOW).text,
    ).toContain('The removal stays incomplete until someone restarts the PC.'))
})

describe('the restarts of a deployment', () => {
  const none = { owed: 0, announced: 0, done: 0, failed: 0, canceled: 0 }
  it('are counted in words, those that can be cancelled first', () => {
    expect(restartsInWords({ restarts: none })).toBe('')
    const restarts = { owed: 1, announced: 2, done: 12, failed: 3, canceled: 4 }
    expect(restartsInWords({ restarts })).toBe(
      '2 announced, 1 waiting, 12 PCs restarted, 3 not restarted, 4 cancelled',
    )
    expect(openRestarts({ restarts })).toBe(3)
  })
})

describe('the review', () => {
  const target = (id: number, restart: 'never' | 'may_follow' | 'impossible') =>
    ({
      device_id: id,
      device_name: `PC-${id}`,
      restart,
      restart_note: restart === 'impossible' ? 'too old.' : null,
    }) as never

  it('omits restarts when there are none', () => {
    expect(restartLines([target(1, 'never')], 10)).toEqual([])
  })

  it('states the length of the notice and which PCs cannot restart', () => {
    const targets = [
      target(1, 'may_follow'),
      ...[2, 3, 4, 5, 5].map((n) => target(n, 'impossible')),
    ]
    expect(restartLines(targets, 1)).toEqual([
      {
        key: 'restarts',
        title: 'Restarts',
        names: 'PCs whose installer asks for it, 1 minute after a notice on their screens',
      },
      { key: 'no-restarts', title: 'No restart', names: 'PC-2, PC-3, PC-4 and 1 more: too old.' },
    ])
  })
})
