import { describe, expect, it } from 'vitest'
import { CreateDeployment } from '#shared/contract/requests.ts'
import {
  checkCustom,
  checkStep,
  chosenDevices,
  Draft,
  dropUnknown,
  emptyDraft,
  firstOpenStep,
  isBlank,
  kindOfCustom,
  proposeName,
  stepOfPath,
  toRequest,
} from './draft.ts'
import type { Known } from './draft.ts'

const known: Known = {
  software: new Set([1, 2]),
  devices: new Set([1, 2, 3]),
  groups: new Map([
    [1, [2, 3]],
    [2, []],
  ]),
}
const draft = (change: object = {}) => Draft.parse({ ...emptyDraft(), ...change })
const whole = draft({ software_ids: [1], device_ids: [1], name: 'VLC' })
const custom = (change: object = {}) => ({
  name: 'Tool',
  download_url: 'https://example.org/tool.deb',
  install_args: '',
  kind: null,
  ...change,
})

describe('the steps', () => {
  it('are all open in an empty draft, and nothing would be lost', () => {
    expect(firstOpenStep(emptyDraft(), known)).toBe('software')
    expect(isBlank(emptyDraft())).toBe(true)
  })
  it('lead to the review once everything is chosen', () =>
    expect(firstOpenStep(whole, known)).toBe('review'))
  it('refuse software that was removed meanwhile', () =>
    expect(checkStep(draft({ software_ids: [9] }), 'software', known).software).toMatch(/removed/))
  it('take a package from an address alone', () =>
    expect(checkStep(draft({ custom_software: [custom()] }), 'software', known)).toEqual({}))
  it('refuse a group without PCs', () =>
    expect(checkStep(draft({ group_ids: [2] }), 'targets', known).targets).toMatch(/no PCs/))
  it('want whole numbers in range', () => {
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
  it('do not ask for a waiting time that is not used', () =>
    expect(checkStep(draft({ name: 'x', wait_minutes: null }), 'strategy', known)).toEqual({}))
})

describe('packages from an address', () => {
  it('tell their kind by the file name, whatever the query says', () => {
    expect(kindOfCustom(custom())).toBe('deb')
    expect(kindOfCustom(custom({ download_url: 'https://example.org/a.MSI?x=b.deb' }))).toBe('msi')
  })
  it.each([
    ['', 'Enter'],
    ['example.org/x.deb', 'complete'],
    ['ftp://example.org/x.deb', 'http'],
    ['file:///etc/passwd', 'http'],
    ['https://anna:secret@example.org/x.deb', 'password'],
  ])('refuse the address "%s"', (download_url, word) =>
    expect(checkCustom(custom({ download_url })).download_url).toContain(word),
  )
  it('ask for the kind where the address does not tell it', () => {
    const told = custom({ download_url: 'https://example.org/get?id=7' })
    expect(checkCustom(told).kind).toBeDefined()
    expect(checkCustom({ ...told, kind: 'deb' })).toEqual({})
  })
  it('refuse arguments with an open quotation mark', () =>
    expect(checkCustom(custom({ install_args: '"a' })).install_args).toMatch(/not closed/))
})

it('counts each PC once, groups expanded, and leaves out what is gone', () =>
  expect(chosenDevices(draft({ device_ids: [1, 2, 99], group_ids: [1] }), known)).toEqual([
    1, 2, 3,
  ]))

it('takes out of a kept draft what no longer exists, and counts it', () => {
  const { draft: kept, dropped } = dropUnknown(
    draft({ software_ids: [1, 9], device_ids: [8], group_ids: [1, 7] }),
    known,
  )
  expect(dropped).toBe(3)
  expect([kept.software_ids, kept.device_ids, kept.group_ids]).toEqual([[1], [], [1]])
})

it('proposes a name that is short enough', () => {
  expect(proposeName([])).toBe('')
  expect(proposeName(['VLC 3'])).toBe('VLC 3')
  expect(proposeName(['VLC 3', 'Office', 'Zoom'])).toBe('VLC 3 and 2 more')
  expect(proposeName(['x'.repeat(300)])).toHaveLength(200)
})

describe('the request', () => {
  it('is one that the contract takes', () => {
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
  it('leaves the time-out to the library unless one was given', () =>
    expect(toRequest(whole)).not.toHaveProperty('timeout_seconds'))
})

it('knows in which step a field is filled in', () => {
  expect(stepOfPath('/custom_software/0/kind')).toBe('software')
  expect(stepOfPath('/group_ids/3')).toBe('targets')
  expect(stepOfPath('/name')).toBe('strategy')
  expect(stepOfPath(undefined)).toBe('review')
})
