import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Sha256, type DeviceId } from '#shared/domain/ids.ts'
import type { AgentOffer } from '../../base/agent-files.ts'
import type { UpdateRow } from './agent-updates.repo.ts'
import { FAILURES_THAT_STOP, planUpdates, TRIES_LIMIT, type FleetDevice } from './plan.ts'

const NOW = 10_000_000
const FILE = 'deployx-agent-linux-x64'
const offerOf = (version: string, file_name = FILE): AgentOffer => ({
  file_name,
  version,
  sha256: Sha256.parse('a'.repeat(64)),
  size_bytes: 1,
})
const OFFER = offerOf('0.2.0')
const pc = (id: number, part: Partial<FleetDevice> = {}): FleetDevice => ({
  id: id as DeviceId,
  fileName: FILE,
  version: '0.1.0',
  online: true,
  free: true,
  ...part,
})
const row = (id: number, state: UpdateRow['state'], part: Partial<UpdateRow> = {}): UpdateRow => ({
  device_id: id as DeviceId,
  version: '0.2.0',
  message_code: null,
  message_params: null,
  sequence: 1,
  state,
  message: '',
  tries: 1,
  changed_at_ms: NOW - 1_000,
  not_before_ms: 0,
  ...part,
})
const plan = (fleet: FleetDevice[], rows: UpdateRow[] = [], offers = [OFFER]): number[] =>
  planUpdates({
    offers,
    fleet,
    rows: new Map(rows.map((r) => [r.device_id, r])),
    nowMs: NOW,
  }).map(({ id }) => id)
const office = (size: number): FleetDevice[] => Array.from({ length: size }, (_, i) => pc(i + 1))
const updated = (...ids: number[]): UpdateRow[] => ids.map((id) => row(id, 'done'))

describe('the rollout of a version', () => {
  it('starts with one PC and waits for it', () => {
    expect(plan(office(40))).toEqual([1])
    for (const state of ['ordered', 'accepted'] as const)
      expect(plan(office(40), [row(1, state)])).toEqual([])
  })

  it('continues with five once that one is back, then with a quarter of the fleet', () => {
    const at = (size: number, done: number): number[] => {
      const ids = Array.from({ length: done }, (_, i) => i + 1)
      const fleet = office(size).map((d) => (d.id <= done ? { ...d, version: '0.2.0' } : d))
      return plan(fleet, updated(...ids))
    }
    expect(at(40, 1)).toEqual([2, 3, 4, 5, 6])
    expect(at(40, 6)).toEqual([7, 8, 9, 10, 11, 12, 13, 14, 15, 16])
    expect(at(8, 6)).toEqual([7, 8])
    expect(at(10_000, 6)).toHaveLength(50)
  })

  it('skips PCs that are offline, busy, up to date or newer, or cannot be updated', () => {
    const fleet = [
      pc(1, { online: false }),
      pc(2, { free: false }),
      pc(3, { version: '0.2.0' }),
      pc(4, { version: '0.3.0' }),
      pc(5, { version: 'sim' }),
      pc(6),
    ]
    expect(plan(fleet)).toEqual([6])
  })

  it('runs separately for each kind of PC', () => {
    const windows = 'deployx-agent-win-x64.exe'
    const fleet = [pc(1), pc(2), pc(3, { fileName: windows }), pc(4, { fileName: 'other' })]
    expect(plan(fleet, [], [OFFER, offerOf('0.2.0', windows)])).toEqual([1, 3])
  })

  it('tries another PC after a failure, and stops after three', () => {
    const fleet = office(10)
    const failed = (...ids: number[]) => ids.map((id) => row(id, 'failed'))
    expect(plan(fleet, failed(1))).toEqual([2])
    expect(plan(fleet, failed(1, 2))).toEqual([3])
    expect(plan(fleet, failed(1, 2, 3))).toEqual([])
    // Failures of another version do not count.
    expect(plan(fleet, failed(1, 2, 3), [offerOf('0.2.1')])).toEqual([1])
  })

  it('gives a PC three tries with pauses between them', () => {
    const only = [pc(1)]
    expect(plan(only, [row(1, 'failed', { not_before_ms: NOW + 1 })])).toEqual([])
    expect(plan(only, [row(1, 'failed', { not_before_ms: NOW })])).toEqual([1])
    expect(plan(only, [row(1, 'waiting', { not_before_ms: NOW, tries: 2 })])).toEqual([1])
    for (const state of ['failed', 'waiting'] as const)
      expect(plan(only, [row(1, state, { tries: TRIES_LIMIT })])).toEqual([])
  })

  it('is not blocked by a PC that was switched off during its update', () => {
    const fleet = [pc(1, { online: false }), pc(2)]
    expect(plan(fleet, [row(1, 'accepted')])).toEqual([])
    expect(plan(fleet, [row(1, 'accepted', { changed_at_ms: NOW - 3_600_000 })])).toEqual([2])
  })

  it('never exceeds its width, never downgrades, and never repeats a PC', () => {
    const device = fc.record({
      version: fc.constantFrom('0.1.0', '0.2.0', '0.3.0', 'x'),
      online: fc.boolean(),
      free: fc.boolean(),
      state: fc.option(
        fc.constantFrom<UpdateRow['state'][]>('ordered', 'accepted', 'waiting', 'done', 'failed'),
      ),
      tries: fc.integer({ min: 0, max: 4 }),
    })
    fc.assert(
      fc.property(fc.array(device, { maxLength: 60 }), (given) => {
        const fleet = given.map((d, i) => pc(i + 1, d))
        const rows = given.flatMap(({ state, tries }, i) =>
          state === null ? [] : [row(i + 1, state, { tries })],
        )
        const ordered = plan(fleet, rows)
        expect(new Set(ordered).size).toBe(ordered.length)
        for (const id of ordered)
          expect(fleet[id - 1]).toMatchObject({ version: '0.1.0', online: true, free: true })
        const count = (...states: UpdateRow['state'][]) =>
          rows.filter((r) => states.includes(r.state)).length
        if (count('failed') >= FAILURES_THAT_STOP) expect(ordered).toEqual([])
        if (ordered.length > 0) {
          const all = count('ordered', 'accepted') + ordered.length
          const width = count('done') === 0 ? 1 : Math.max(5, Math.ceil(fleet.length / 4))
          expect(all).toBeLessThanOrEqual(width)
        }
      }),
    )
  })
})
