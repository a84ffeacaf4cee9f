import { describe, expect, it } from 'vitest'
import { coded } from '#shared/domain/coded-texts/codes.ts'
import { compose } from '#shared/domain/coded-texts/compose.ts'
import { Sha256 } from '#shared/domain/ids.ts'
import {
  accepted,
  atStart,
  done,
  factsOf,
  failed,
  isBarred,
  NO_UPDATE,
  RESUME_LIMIT,
  swapping,
  UpdateRecord,
  type Order,
} from './record.ts'

const order = (version = '0.2.0', sequence = 7): Order => ({
  sequence,
  version,
  file_name: 'deployx-agent-linux-x64',
  sha256: Sha256.parse('a'.repeat(64)),
  size_bytes: 10,
  url: '/agent/download/deployx-agent-linux-x64',
})
const ordered = accepted(NO_UPDATE, order(), '0.1.0')

describe('the state of an update order', () => {
  it('is reported while the update is in progress and until the next order', () => {
    expect(factsOf(NO_UPDATE, null)).toEqual({ obstacle: null, last: null })
    expect(factsOf(ordered, null).last).toEqual({
      sequence: 7,
      version: '0.2.0',
      state: 'working',
      message: '',
    })
    expect(factsOf(done(swapping(ordered)), null).last).toMatchObject({ state: 'done' })
    const text = coded('update_failed', { error: 'x'.repeat(900) })
    const { last, ...own } = factsOf(failed(ordered, text), coded('update_from_sources', {}))
    expect(last).toMatchObject(text)
    expect(last?.message).toHaveLength(500)
    expect(own).toEqual({
      obstacle: 'It runs from its sources.',
      obstacle_code: 'update_from_sources',
      obstacle_params: {},
    })
  })

  it('is a trial at the first start of the new version, and ended at any start of another version', () => {
    const under = swapping(ordered)
    expect(atStart(under, '0.2.0', null)).toBe(under)
    for (const [verdict, code] of [
      ['starts\n', 'update_not_running'],
      ['link\n', 'update_not_linked'],
      [null, 'update_interrupted'],
      ['\u0000', 'update_interrupted'],
    ] as const) {
      const after = atStart(under, '0.1.0', verdict)
      expect(after).toMatchObject({ phase: 'idle', order: null, last: { state: 'failed' } })
      const text = coded(code, { version: '0.2.0' })
      expect(after.last).toMatchObject({ ...text, message: compose(text) })
      expect(UpdateRecord.parse(JSON.parse(JSON.stringify(after)))).toEqual(after)
    }
  })

  it('is refused after the version was rolled back twice, without affecting other versions', () => {
    let record = ordered
    expect(isBarred(record, '0.2.0')).toBe(false)
    for (let times = 1; times <= 2; times++) {
      record = atStart(swapping(accepted(record, order(), '0.1.0')), '0.1.0', 'starts\n')
      expect(isBarred(record, '0.2.0')).toBe(times === 2)
    }
    expect(isBarred(record, '0.2.1')).toBe(false)
    // A failure before the executable was replaced does not count.
    const elsewhere = failed(
      accepted(NO_UPDATE, order('0.3.0'), '0.1.0'),
      coded('no_room', { folder: '/opt' }),
    )
    expect(elsewhere.taken_back).toEqual([])
  })

  it('remembers a limited number of versions', () => {
    let record = NO_UPDATE
    for (let n = 0; n < 50; n++)
      record = atStart(swapping(accepted(record, order(`1.0.${n}`), '0.1.0')), '0.1.0', null)
    expect(UpdateRecord.safeParse(record).success).toBe(true)
    expect(
      isBarred(
        atStart(swapping(accepted(record, order('1.0.49'), '0.1.0')), '0.1.0', null),
        '1.0.49',
      ),
    ).toBe(true)
  })

  it('is resumed by a start that finds it half downloaded, but not forever', () => {
    let record = ordered
    for (let n = 0; n < RESUME_LIMIT; n++) {
      record = atStart(record, '0.1.0', null)
      expect(record.phase).toBe('fetching')
    }
    expect(atStart(record, '0.1.0', null)).toMatchObject({
      phase: 'idle',
      last: { state: 'failed' },
      taken_back: [],
    })
  })

  it('is done if that version was installed by hand in the meantime', () => {
    expect(atStart(ordered, '0.2.0', null)).toMatchObject({
      phase: 'idle',
      last: { state: 'done' },
    })
  })
})
