/** Which of two PCs keeps an identity that both have, based on their hardware history. */
import { describe, expect, it } from 'vitest'
import { judge, type KnownHardware } from './duplicate-identity.ts'

type Seen = [hardware: string | null, olderOnline?: { hardwareId: string | null } | undefined]
/**
 * Connects one PC after the other; returns what is known at the end and which one was separated at
 * each step.
 */
function connect(...seen: Seen[]) {
  let known: readonly KnownHardware[] = []
  const separated: unknown[] = []
  for (const [hardware, older] of seen) {
    const verdict = judge(known, hardware, older ?? null)
    known = verdict.known
    separated.push(verdict.split)
  }
  return { separated, known: known.map((k) => `${k.hardware_id} ${k.role}`) }
}
const online = (hardwareId: string | null) => ({ hardwareId })

describe('an identity that is used', () => {
  it.each<[string, Seen[], unknown[], string[]]>([
    ['always by the same PC', [['A'], ['A'], ['A']], [null, null, null], ['A owner']],
    [
      'by a PC with a new mainboard',
      [['A'], ['B'], ['B'], ['B']],
      [null, null, null, null],
      ['A former', 'B owner'],
    ],
    [
      'by a PC repaired twice',
      [['A'], ['B'], ['C']],
      [null, null, null],
      ['A former', 'B former', 'C owner'],
    ],
    [
      'by two PCs in turn: the older keeps it',
      [['A'], ['B'], ['A'], ['B']],
      [null, null, null, 'newcomer'],
      ['A owner', 'B twin'],
    ],
    [
      'by three PCs in turn',
      [['A'], ['B'], ['C'], ['A'], ['B'], ['C'], ['A']],
      [null, null, null, null, 'newcomer', 'newcomer', null],
      ['A owner', 'B twin', 'C twin'],
    ],
    [
      'by three PCs, the second of which returns first: it may be the first one, repaired',
      [['A'], ['B'], ['C'], ['B']],
      [null, null, null, null],
      ['A former', 'B owner', 'C twin'],
    ],
    [
      'by a PC with a new mainboard whose clone is known',
      [['A'], ['B', online('A')], ['C'], ['B'], ['C']],
      [null, 'newcomer', null, 'newcomer', null],
      ['A former', 'B twin', 'C owner'],
    ],
    [
      'by another PC while the first is online',
      [['A'], ['B', online('A')], ['B']],
      [null, 'newcomer', 'newcomer'],
      ['A owner', 'B twin'],
    ],
    [
      'by the first while its clone is online in its place',
      [['A'], ['B'], ['A', online('B')]],
      [null, null, 'older'],
      ['A owner', 'B twin'],
    ],
    [
      'by two online PCs with the same hardware: the first one keeps it',
      [['A'], ['A', online('A')], ['A', online('A')]],
      [null, 'newcomer', 'newcomer'],
      ['A owner'],
    ],
    [
      'by two online PCs with unknown hardware',
      [[null], [null, online(null)], [null]],
      [null, 'newcomer', null],
      [],
    ],
    [
      'by an unknown PC while the known one is online',
      [['A'], [null, online('A')]],
      [null, 'newcomer'],
      ['A owner'],
    ],
    [
      'by the known PC while an unknown one is online in its place',
      [['A'], [null], ['A', online(null)]],
      [null, null, 'older'],
      ['A owner'],
    ],
    [
      'by a PC that sometimes does not report its hardware',
      [['A'], [null], ['A'], [null]],
      [null, null, null, null],
      ['A owner'],
    ],
  ])('%s', (_name, seen, separated, known) => {
    expect(connect(...seen)).toEqual({ separated, known })
  })

  it('reports each change once', () => {
    const first = judge([], 'A', null)
    expect(first.news).toBeNull()
    const repaired = judge(first.known, 'B', null)
    expect(repaired.news).toBe('replaced')
    const back = judge(repaired.known, 'A', null)
    expect(back.news).toBe('returned')
    const again = judge(back.known, 'A', null)
    expect(again).toEqual({ split: null, known: back.known, news: null })
    expect(again.known).toBe(back.known)
  })

  it('by very many clones: a limited number is remembered, and always its owner', () => {
    let known = judge([], 'A', null).known
    for (let i = 0; i < 1_000; i++) known = judge(known, `copy ${i}`, online('A')).known
    expect(known.length).toBe(64)
    expect(known[0]).toEqual({ hardware_id: 'A', role: 'owner' })
    expect(known.at(-1)).toEqual({ hardware_id: 'copy 999', role: 'twin' })
    for (let i = 0; i < 1_000; i++) known = judge(known, `board ${i}`, null).known
    expect(known.length).toBe(64)
    expect(known.at(-1)).toEqual({ hardware_id: 'board 999', role: 'owner' })
    // No further changes are reported.
    expect(judge(known, 'board 1000', null).news).toBeNull()
    expect(judge(known, 'board 990', null).news).toBeNull()
  })
})
