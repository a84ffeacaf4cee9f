import { describe, expect, it } from 'vitest'
import { ownTimeZone } from '#shared/domain/time-zone.ts'
import { CreateDeployment } from '#shared/contract/rest/deployment-requests.ts'
import { checkCustom, kindOfCustom } from './custom-draft.ts'
import {
  chosenDevices,
  Draft,
  dropUnknown,
  emptyDraft,
  isBlank,
  proposeName,
  stepOfPath,
  toRequest,
} from './draft.ts'
import { checkStep, firstError, firstOpenStep, refusalsOf } from './draft-checks.ts'
import type { Known } from './draft.ts'

const known: Known = {
  software: new Set([1, 2]),
  devices: new Set([1, 2, 3]),
  groups: new Map([
    [1, [2, 3]],
    [2, []],
  ]),
  needs: new Map([[2, [1, 9]]]),
}
const draft = (change: object = {}) => Draft.parse({ ...emptyDraft(), ...change })
const whole = draft({ software_ids: [1], device_ids: [1], name: 'VLC' })
const custom = (change: object = {}) => ({
  name: 'Tool',
  download_url: 'https://example.org/tool.deb',
  install_args: '',
  secret_args: [],
  kind: null,
  ...change,
})

describe('the steps', () => {
  it('start with the first one for an empty draft, which can be discarded without loss', () => {
    expect(firstOpenStep(emptyDraft(), known)).toBe('software')
    expect(isBlank(emptyDraft())).toBe(true)
  })
  it('go to the review once everything is chosen', () =>
    expect(firstOpenStep(whole, known)).toBe('review'))
  it('reject software that was removed meanwhile', () =>
    expect(checkStep(draft({ software_ids: [9] }), 'software', known).software).toMatch(/removed/))
  it('accept a package from a URL without software from the library', () =>
    expect(checkStep(draft({ custom_software: [custom()] }), 'software', known)).toEqual({}))
  it('reject software without its dependencies, unless those were removed', () => {
    expect(checkStep(draft({ software_ids: [2] }), 'software', known).software).toMatch(/needs/)
    expect(checkStep(draft({ software_ids: [2, 1] }), 'software', known)).toEqual({})
  })
  it('reject a group without PCs', () =>
    expect(checkStep(draft({ group_ids: [2] }), 'targets', known).targets).toMatch(/no PCs/))
  it('require whole numbers in range', () => {
    const errors = checkStep(
      draft({
        name: 'x',
        max_concurrent: 0,
        offline_policy: 'wait',
        wait_minutes: 1.5,
        timeout_minutes: 2_000,
      }),
      'strategy',
      known,
    )
    expect(Object.keys(errors).sort()).toEqual(['max_concurrent', 'timeout', 'wait_minutes'])
  })
  it('do not require a waiting time that is not used', () =>
    expect(checkStep(draft({ name: 'x', wait_minutes: null }), 'strategy', known)).toEqual({}))
})

const NOW = new Date(2026, 10, 23, 12, 0).getTime()
const strategyErrors = (change: object) =>
  checkStep(draft({ name: 'x', ...change }), 'strategy', known, NOW)

describe('strategy and times', () => {
  it.each([
    [{ strategy_type: 'rolling', batch: null }, 'batch'],
    [{ strategy_type: 'rolling', batch: 0 }, 'batch'],
    [{ strategy_type: 'rolling', batch: 101, batch_unit: 'percent' }, 'batch'],
    [{ strategy_type: 'rolling', batch: 2.5, batch_unit: 'pcs' }, 'batch'],
    [{ strategy_type: 'rolling', rest: -1 }, 'rest'],
    [{ strategy_type: 'canary', canary: null }, 'canary'],
    [{ strategy_type: 'canary', canary: 0 }, 'canary'],
    [{ limit_failures: true, failure_percent: null, min_executed: null }, 'failure_percent'],
    [{ limit_failures: true, failure_percent: 101 }, 'failure_percent'],
    [{ limit_failures: true, min_executed: 0 }, 'min_executed'],
    [{ start: 'later' }, 'start'],
    [{ start: 'later', start_day: '2026-02-30', start_time: '10:00' }, 'start'],
    [{ start: 'later', start_day: '2026-11-23', start_time: '12:00' }, 'start'],
    [{ use_window: true, window_days: [] }, 'window_days'],
    [{ use_window: true, window_start: '25:00' }, 'window_start'],
    [{ use_window: true, window_end: '' }, 'window_end'],
    [{ use_window: true, window_start: '22:00', window_end: '22:00' }, 'window_end'],
  ])('reports %o at the field %s', (change, field) =>
    expect(Object.keys(strategyErrors(change))).toEqual([field]),
  )
  it.each([
    [{ strategy_type: 'rolling' }],
    [{ strategy_type: 'rolling', batch: 12.5, rest: null }],
    [{ strategy_type: 'canary', canary: 1, canary_unit: 'pcs', limit_failures: false }],
    [{ limit_failures: true, min_executed: null }],
    [{ start: 'later', start_day: '2026-11-23', start_time: '12:01' }],
    [{ use_window: true }],
    [{ batch: null, canary: null, failure_percent: null }],
  ])('accepts %o', (change) => expect(strategyErrors(change)).toEqual({}))
})

it('reports the first error in form order, with the name of its field', () => {
  expect(
    firstError(strategyErrors({ start: 'later', strategy_type: 'canary', canary: null })),
  ).toBe('PCs in the pilot: from 1 to 100%.')
  expect(firstError({ software: 'Choose at least one software package.' })).toMatch(/^Choose/)
  expect(firstError({})).toBeUndefined()
})

describe('a stored draft', () => {
  it('of an older console still loads, with new fields at their defaults', () => {
    const { strategy_type, batch, use_window, start, ...older } = emptyDraft()
    expect([strategy_type, batch, use_window, start]).toEqual(['parallel', 25, false, 'now'])
    const loaded = Draft.parse(JSON.parse(JSON.stringify(older)))
    expect(loaded).toEqual({ ...emptyDraft(), request_id: older.request_id })
    const { request_id, ...oldest } = older
    expect(Draft.parse(JSON.parse(JSON.stringify(oldest))).request_id).not.toBe(request_id)
  })
  it('keeps everything that was filled in', () => {
    const filled = draft({ strategy_type: 'canary', canary: 3, use_window: true, start: 'later' })
    expect(Draft.parse(JSON.parse(JSON.stringify(filled)))).toEqual(filled)
  })
})

describe('errors from the controller', () => {
  const details = [
    { path: '/scheduled_at', message: 'must be in the future' },
    { path: '/strategy/batch_size', message: 'too small' },
    { path: '/maintenance_window/end', message: 'must differ from start' },
    { path: '/software_ids', message: 'Office needs .NET (software 3)' },
  ]
  it('are shown at their field, in their step', () => {
    expect(refusalsOf(details, 'strategy')).toEqual({
      start: 'Must be in the future.',
      batch: 'Too small.',
      window_end: 'Must differ from start.',
    })
    expect(refusalsOf(details, 'software').software).toBe('Office needs .NET (software 3).')
    expect(refusalsOf(details, 'targets')).toEqual({})
  })
})

describe('packages from a URL', () => {
  it('derive their kind from the file name, not from the query', () => {
    expect(kindOfCustom(custom())).toBe('deb')
    expect(kindOfCustom(custom({ download_url: 'https://example.org/a.MSI?x=b.deb' }))).toBe('msi')
  })
  it.each([
    ['', 'Enter'],
    ['example.org/x.deb', 'complete'],
    ['ftp://example.org/x.deb', 'http'],
    ['file:///etc/passwd', 'http'],
    ['https://anna:secret@example.org/x.deb', 'password'],
  ])('reject the URL "%s"', (download_url, word) =>
    expect(checkCustom(custom({ download_url })).download_url).toContain(word),
  )
  it('require a kind when the URL does not reveal it', () => {
    const unclear = custom({ download_url: 'https://example.org/get?id=7' })
    expect(checkCustom(unclear).kind).toBeDefined()
    expect(checkCustom({ ...unclear, kind: 'deb' })).toEqual({})
  })
  it('reject arguments with an open quotation mark', () =>
    expect(checkCustom(custom({ install_args: '"a' })).install_args).toMatch(/not closed/))
})

it('counts each PC once, including group members, and leaves out removed ones', () =>
  expect(chosenDevices(draft({ device_ids: [1, 2, 99], group_ids: [1] }), known)).toEqual([
    1, 2, 3,
  ]))

it('drops removed items from a stored draft, and counts them', () => {
  const { draft: kept, dropped } = dropUnknown(
    draft({ software_ids: [1, 9], device_ids: [8], group_ids: [1, 7] }),
    known,
  )
  expect(dropped).toBe(3)
  expect([kept.software_ids, kept.device_ids, kept.group_ids]).toEqual([[1], [], [1]])
})

it('proposes a name within the length limit', () => {
  expect(proposeName([])).toBe('')
  expect(proposeName(['VLC 3'])).toBe('VLC 3')
  expect(proposeName(['VLC 3', 'Office', 'Zoom'])).toBe('VLC 3 and 2 more')
  expect(proposeName(['x'.repeat(300)])).toHaveLength(200)
})

describe('the request', () => {
  it('is valid according to the contract', () => {
    const sent = toRequest(
      draft({
        ...whole,
        custom_software: [custom({ kind: 'sh' })],
        offline_policy: 'wait',
        timeout_minutes: 5,
      }),
    )
    expect(CreateDeployment.parse(sent)).toMatchObject({
      timeout_seconds: 300,
      wait_minutes: 60,
      strategy: { max_concurrent: 50 },
      custom_software: [{ kind: 'sh' }],
    })
  })
  it('contains only the fields of the chosen strategy', () => {
    const sent = toRequest(
      draft({ ...whole, strategy_type: 'rolling', batch: 10, batch_unit: 'pcs', rest: 5 }),
    )
    expect(CreateDeployment.parse(sent)).toMatchObject({ strategy_type: 'rolling' })
    expect(sent.strategy).toEqual({
      max_concurrent: 50,
      batch_size: 10,
      pause_seconds: 300,
      failure_threshold_percent: 20,
      min_executed: 3,
    })
    expect(toRequest(whole).strategy).toEqual({ max_concurrent: 50 })
  })
  it('contains start and window only when chosen', () => {
    const sent = toRequest(
      draft({
        ...whole,
        start: 'later',
        start_day: '2026-11-24',
        start_time: '22:00',
        use_window: true,
      }),
    )
    expect(CreateDeployment.parse(sent)).toMatchObject({
      scheduled_at: new Date(2026, 10, 24, 22, 0).toISOString(),
      maintenance_window: {
        days: [1, 2, 3, 4, 5],
        start: '22:00',
        end: '05:00',
        time_zone: ownTimeZone(),
      },
    })
    expect(Object.keys(toRequest(whole))).not.toContain('scheduled_at')
    expect(Object.keys(toRequest(whole))).not.toContain('maintenance_window')
  })
  it('leaves the timeout to the library unless one was given', () =>
    expect(toRequest(whole)).not.toHaveProperty('timeout_seconds'))
})

it('maps a request field to its step', () => {
  expect(stepOfPath('/custom_software/0/kind')).toBe('software')
  expect(stepOfPath('/group_ids/3')).toBe('targets')
  expect(stepOfPath('/name')).toBe('strategy')
  expect(stepOfPath('/maintenance_window/days')).toBe('strategy')
  expect(stepOfPath(undefined)).toBe('review')
})
