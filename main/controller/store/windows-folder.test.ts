/**
 * Which programs run, in which order, against a model of icacls. Real access lists need Windows. A closed folder is one that only
 * its user, the system and administrators can access.
 */
import { expect, it } from 'vitest'
import { restrictFolder, type WindowsPrograms } from './windows-folder.ts'

const OWN = 'S-1-5-21-1004336348-1177238915-682003330-1001'
const ALLOWED = `(A;OICI;FA;;;${OWN})(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)`
const CLOSED = `D:PAI${ALLOWED}`
const INHERITED = `D:AI${ALLOWED.replaceAll('OICI', 'ID')}`
const FOLDER = 'D:\\deployx'

/** @param lists of the folder, and of what is in it */
function programs(lists: Record<string, string>, more: Partial<WindowsPrograms> = {}) {
  const commands: string[] = []
  const model: WindowsPrograms = {
    whoami: (args) => {
      expect(args).toEqual(['/user', '/fo', 'csv', '/nh'])
      return `"pc\\änne","${OWN}"\r\n`
    },
    icacls([path = '', ...args]) {
      commands.push([path, ...args].join(' '))
      if (path === FOLDER && args[0] === '/inheritance:r') {
        const explicit = lists['deployx']!.match(/\([^()]*\)/g)!.filter(
          (ace) => !ace.includes('ID;'),
        )
        const others = explicit.filter((ace) => !/;(?:SY|BA|S-1-5-21-.*-1001)\)$/.test(ace))
        lists['deployx'] = CLOSED + others.join('')
        // Windows passes the new list on to what inherits.
        for (const name of Object.keys(lists))
          if (name !== 'deployx' && lists[name]!.startsWith('D:AI'))
            lists[name] =
              INHERITED +
              lists[name]!.match(/\([^()]*\)/g)!
                .filter((a) => !a.includes('ID;'))
                .join('')
      }
      if (path === FOLDER && args[0] === '/remove')
        for (const [sid, alias] of [
          ['*S-1-1-0', 'WD'],
          ['*S-1-5-32-545', 'BU'],
        ] as const)
          if (args.includes(sid))
            lists['deployx'] = lists['deployx']!.replace(/\([^()]*\)/g, (ace) =>
              ace.endsWith(`;${alias})`) && !ace.includes('ID;') ? '' : ace,
            )
      if (path === `${FOLDER}\\*` && args[0] === '/reset')
        for (const name of Object.keys(lists)) if (name !== 'deployx') lists[name] = INHERITED
    },
    save: () =>
      Buffer.from(
        Object.entries(lists)
          .map(([name, sddl]) => `${name}\r\n${sddl}\r\n`)
          .join(''),
        'utf16le',
      ),
    linkIn: () => null,
    ...more,
  }
  return { commands, restrict: () => restrictFolder(FOLDER, model) }
}
const OWNER = `${FOLDER} /setowner *${OWN} /Q`
const GRANT = `${FOLDER} /inheritance:r /grant:r *${OWN}:(OI)(CI)F *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F /Q`
const CONTENTS_OWNER = `${FOLDER}\\* /setowner *${OWN} /T /L /Q`
const RESET = `${FOLDER}\\* /reset /T /L /Q`

it('leaves the access lists of a closed folder unchanged, and makes the user its owner', () => {
  const { commands, restrict } = programs({ deployx: CLOSED, 'deployx\\keys': INHERITED })
  restrict()
  expect(commands).toEqual([OWNER])
})

it('closes a new folder that inherits from its parent', () => {
  const lists = { deployx: 'D:AI(A;OICIID;FA;;;BA)(A;OICIID;0x1200a9;;;BU)' }
  const { commands, restrict } = programs(lists)
  restrict()
  expect(commands).toEqual([OWNER, `${FOLDER} /remove *S-1-5-32-545 /Q`, GRANT])
  expect(lists.deployx).toBe(CLOSED)
})

it('closes a folder that others had access to, and what inherits from it', () => {
  const lists = {
    deployx: 'D:AI(A;OICI;FA;;;WD)(A;OICIID;FA;;;BU)',
    'deployx\\deployx.db': 'D:AI(A;ID;FA;;;WD)(A;ID;FA;;;BU)',
  }
  const { commands, restrict } = programs(lists)
  restrict()
  expect(commands).toEqual([
    ...[OWNER, `${FOLDER} /remove *S-1-1-0 *S-1-5-32-545 /Q`, GRANT, CONTENTS_OWNER],
  ])
  expect(lists).toEqual({ deployx: CLOSED, 'deployx\\deployx.db': INHERITED })
})

it.each([
  ['entries of its own', `${INHERITED}(A;;FR;;;AU)`],
  ['a protected list', 'D:PAI(A;;FA;;;WD)'],
  ['a null list', 'D:NO_ACCESS_CONTROL'],
])('resets a file in a closed folder that is open by %s', (_what, sddl) => {
  const lists = { deployx: CLOSED, 'deployx\\keys': INHERITED, 'deployx\\keys\\hub.key': sddl }
  const { commands, restrict } = programs(lists)
  restrict()
  expect(commands).toEqual([OWNER, CONTENTS_OWNER, RESET])
  expect(lists['deployx\\keys\\hub.key']).toBe(INHERITED)
})

const OPEN = { deployx: `${CLOSED}(A;OICI;FA;;;WD)`, 'deployx\\x': 'D:PAI(A;;FA;;;WD)' }
it.each<[string, Partial<WindowsPrograms>, RegExp, number]>([
  ['the user is unknown', { whoami: () => 'VM\\root\r\n' }, /whoami reports no SID/, 0],
  ['the lists cannot be read', { save: () => Buffer.alloc(3) }, /cannot be read/, 0],
  // Outside the folder, icacls would change what somebody else chose.
  ['a link is in it', { linkIn: () => 'D:\\deployx\\x' }, /x is a link/, 3],
  ['nothing was changed', { icacls: () => undefined }, /its access list is not as it was set/, 0],
])('refuses the folder if %s', (_what, more, why, count) => {
  const { commands, restrict } = programs({ ...OPEN }, more)
  expect(restrict).toThrow(why)
  expect(commands).toHaveLength(count)
})

it('refuses the folder if others can still access a file in it', () => {
  const lists = { ...OPEN, deployx: CLOSED }
  const { restrict } = programs(lists, { icacls: () => undefined })
  expect(restrict).toThrow('others can still access deployx\\x')
})

it('refuses the folder if a program fails', () => {
  const fail = () => {
    throw new Error('icacls.exe ended with 5')
  }
  expect(programs({ ...OPEN }, { icacls: fail }).restrict).toThrow('icacls.exe ended with 5')
})
