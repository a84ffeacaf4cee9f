import { describe, expect, it } from 'vitest'
import {
  readSaved,
  readSddl,
  repairOf,
  sidOfUser,
  type Repair,
  type SavedList,
} from './windows-acl.ts'

const OWN = 'S-1-5-21-1004336348-1177238915-682003330-1001'
const CLOSED = `D:PAI(A;OICI;FA;;;${OWN})(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)`
const INHERITED = `D:AI(A;ID;FA;;;${OWN})(A;ID;FA;;;SY)(A;ID;FA;;;BA)`

describe('the output of whoami', () => {
  it.each([
    [`"office\\anna","${OWN}"\r\n`, OWN],
    [`"büro\\änne, ""x""","${OWN}"`, OWN],
    ['"nt-autorität\\system","S-1-5-18"\r\n', 'S-1-5-18'],
    // Wine.
    ['VM\\root\r\n', null],
    ['', null],
    ['"office\\anna","S-1-5-21-', null],
    ['"office\\anna","S-1-5-21-x"', null],
    [`"office\\anna","${OWN} /grant"`, null],
    [`"S-1-5-18","office\\anna"`, null],
  ])('%j means %s', (output, sid) => expect(sidOfUser(output)).toBe(sid))
})

describe('an access list', () => {
  it('is read with its flags and entries', () => {
    expect(readSddl('D:PAI(A;OICI;FA;;;SY)(D;;0x1200a9;;;WD)')).toEqual({
      isProtected: true,
      aces: [
        { isAllowed: true, flags: 'OICI', rights: 'FA', sid: 'SY' },
        { isAllowed: false, flags: '', rights: '0x1200a9', sid: 'WD' },
      ],
    })
    expect(readSddl('D:AI')).toEqual({ isProtected: false, aces: [] })
  })

  it.each([
    '',
    'D',
    'D:NO_ACCESS_CONTROL',
    'D:PNO_ACCESS_CONTROL',
    'O:SYG:SYD:P(A;OICI;FA;;;SY)',
    'D:P(A;OICI;FA;;;SY',
    'D:P(A;OICI;FA;;;SY)(A;OICI;FA',
    'D:P(A;OICI;FA;;;SY)x',
    'D:P((A;OICI;FA;;;SY))',
    'D:P(A;OICI;FA;;SY)',
    'D:P(A;OICI;FA;;;SY;)',
    'D:P(A;OICI;FA;;;)',
    'D:P(A;OICI;FA;;;Everyone)',
    'D:P(A;OIXX;FA;;;SY)',
    'D:P(OA;;CR;00299570-246d-11d0-a768-00aa006e0529;;SY)',
    'D:P(A;;FA;00299570-246d-11d0-a768-00aa006e0529;;SY)',
    'D:P(XA;;FX;;;WD;(@User.Title=="PM" && (Member_of {SID(BA)})))',
    `${CLOSED}S:AI(AU;SA;FA;;;WD)`,
    ` ${CLOSED}`,
    `${CLOSED}\n(A;;FA;;;WD)`,
  ])('is unreadable: %s', (sddl) => expect(readSddl(sddl)).toBeNull())

  it('is read in linear time, whatever it contains', () => {
    for (const hostile of ['(', '(A;', '()', 'P', 'AI'])
      expect(readSddl(`D:${hostile.repeat(200_000)}x`)).toBeNull()
  })
})

const file = (...lines: string[]): Buffer =>
  Buffer.from(lines.map((line) => `${line}\r\n`).join(''), 'utf16le')

describe('the file of saved lists', () => {
  it('has a path and a list for each entry, with or without a mark at its start', () => {
    const saved = [
      { path: 'data', list: readSddl(CLOSED) },
      { path: 'data\\D:P (A;OICI;FA;;;WD)', list: readSddl(INHERITED) },
    ]
    const lines = ['data', CLOSED, 'data\\D:P (A;OICI;FA;;;WD)', INHERITED]
    expect(readSaved(file(...lines))).toEqual(saved)
    expect(readSaved(Buffer.concat([Buffer.from([0xff, 0xfe]), file(...lines)]))).toEqual(saved)
  })

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['half a character', file('data', CLOSED).subarray(0, -1)],
    ['half a line', file('data', CLOSED).subarray(0, -10)],
    ['no end of the last line', file('data', CLOSED).subarray(0, -4)],
    ['a path without a list', file('data', CLOSED, 'data\\keys')],
    ['a list without a path', file(CLOSED, 'data')],
    ['an empty path', file('', CLOSED)],
    ['another encoding', Buffer.from(`data\r\n${CLOSED}\r\n`)],
  ])('is refused with %s', (_what, bytes) => expect(readSaved(bytes)).toBeNull())

  it('is never read as closed when it is cut anywhere', () => {
    const whole = file('data', CLOSED, 'data\\keys', `${INHERITED}(A;;FA;;;WD)`)
    for (let length = 0; length < whole.length; length++) {
      const saved = readSaved(whole.subarray(0, length))
      // Without its second entry the file is complete: icacls itself has to report that it failed.
      if (length === file('data', CLOSED).length) expect(saved).toHaveLength(1)
      else expect(saved).toBeNull()
    }
  })
})

describe('what has to change', () => {
  const saved = (...lists: string[]): SavedList[] =>
    lists.map((sddl, i) => ({ path: i === 0 ? 'data' : `data\\${i}`, list: readSddl(sddl) }))
  const repair = (...lists: string[]): Repair => repairOf(saved(...lists), OWN)
  const open = (...removed: string[]): Repair => ({ isFolderOpen: true, removed, exposed: [] })
  const NONE = { isFolderOpen: false, removed: [], exposed: [] }

  it.each<[string, string, Repair]>([
    ['exactly as wanted', CLOSED, NONE],
    ['full access as a number', CLOSED.replaceAll('FA', '0x1f01ff'), NONE],
    ['inherited entries', CLOSED.replace('PAI', 'AI'), open()],
    ['an entry for everyone', `${CLOSED}(A;OICI;0x1200a9;;;WD)`, open('S-1-1-0')],
    ['an entry for users', `${CLOSED}(A;OICI;FA;;;BU)`, open('S-1-5-32-545')],
    ['an entry for another account', `${CLOSED}(A;;FA;;;${OWN}2)`, open(`${OWN}2`)],
    ['an entry for the creator of files', `${CLOSED}(A;OICIIO;FA;;;CO)`, open('S-1-3-0')],
    [
      'an entry for the domain users',
      `${CLOSED}(A;;FA;;;DU)`,
      open('S-1-5-21-1004336348-1177238915-682003330-513'),
    ],
    // Nothing to remove it by: the verification refuses it.
    ['an entry with an unknown abbreviation', `${CLOSED}(A;;FA;;;ZZ)`, open()],
    ['a denial for the user', `D:P(D;;FA;;;${OWN})${CLOSED.slice(5)}`, open(OWN)],
    ['no entry for the user', 'D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)', open()],
    ['too little for the user', CLOSED.replace(`FA;;;${OWN}`, `FR;;;${OWN}`), open()],
    ['an entry that is not inherited by files', CLOSED.replace('OICI', 'CI'), open()],
    ['a null list', 'D:NO_ACCESS_CONTROL', open()],
  ])('for %s', (_what, list, expected) => expect(repair(list)).toEqual(expected))

  it('names everything below the folder that others may access', () => {
    const lists = [INHERITED, `${INHERITED}(A;;FR;;;AU)`, 'D:NO_ACCESS_CONTROL', 'D:P']
    expect(repair(CLOSED, ...lists)).toEqual({
      ...{ isFolderOpen: false, removed: [], exposed: ['data\\2', 'data\\3'] },
    })
  })

  it('takes the built-in administrator for the user only if it is', () => {
    const administrator = OWN.replace(/[0-9]+$/, '500')
    const list = CLOSED.replace(OWN, 'LA')
    expect(repairOf(saved(list), administrator)).toEqual(NONE)
    expect(repair(list)).toEqual(open(administrator))
    // The system has no accounts beside it.
    expect(repairOf(saved(list), 'S-1-5-18').isFolderOpen).toBe(true)
  })

  it('allows the system as the user', () => {
    const list = 'D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)'
    expect(repairOf(saved(list), 'S-1-5-18')).toEqual(NONE)
  })
})
