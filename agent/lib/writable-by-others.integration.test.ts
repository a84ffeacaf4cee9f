import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { layoutOf } from '../service/layout.ts'
import { checkPlaces, placeFiles } from '../service/service.ts'
import { coded } from '#shared/domain/coded-texts/codes.ts'
import { writableByOthers, isAdministratorsPlace } from './writable-by-others.ts'
import { openSelf } from './self.ts'

const me = process.getuid?.()
const OTHER_UID = 65534

let root: string
let file: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'deployx-hands-'))
  mkdirSync(join(root, 'a', 'b'), { recursive: true, mode: 0o755 })
  file = join(root, 'a', 'b', 'agent')
  writeFileSync(file, 'mine', { mode: 0o755 })
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

describe.skipIf(me === undefined)('a path that other users may write to', () => {
  it('is not reported for an own file in own folders below a sticky one', () => {
    expect(writableByOthers(file)).toBeNull()
    expect(writableByOthers(root)).toBeNull()
  })

  it.each([
    ['the file', 'a/b/agent', 0o757],
    ['the file, for a group', 'a/b/agent', 0o775],
    ['its folder', 'a/b', 0o777],
    ['its folder, for a group', 'a/b', 0o775],
    ['its folder, although it is sticky: libraries and settings lie there', 'a/b', 0o1777],
    ['a folder further up', 'a', 0o757],
  ])('names %s', (_what, place, mode) => {
    chmodSync(join(root, place), mode)
    expect(writableByOthers(file)).toEqual(coded('place_writable', { path: join(root, place) }))
  })

  it('is checked after following links to the real file', () => {
    const open = join(root, 'open')
    mkdirSync(open)
    chmodSync(open, 0o777)
    writeFileSync(join(open, 'agent'), '')
    symlinkSync(join(open, 'agent'), join(root, 'a', 'link'))
    expect(writableByOthers(join(root, 'a', 'link'))?.params.path).toContain(open)
  })

  it.skipIf(me !== 0)(
    'is reported for something that belongs to another user, whatever its mode',
    () => {
      for (const place of ['a/b/agent', 'a/b', 'a']) {
        chownSync(join(root, place), OTHER_UID, OTHER_UID)
        expect(writableByOthers(file)?.params.path).toContain(join(root, place))
        chownSync(join(root, place), 0, 0)
      }
    },
  )

  it('is assumed for something that no longer exists', () => {
    expect(writableByOthers(join(root, 'gone'))?.code).toBe('place_unknown')
  })

  it('cannot become a service, and the message says what to do', () => {
    const layout = { ...layoutOf('linux', {}), folder: join(root, 'opt'), state: join(root, 'var') }
    expect(() => checkPlaces('linux', layout, file)).not.toThrow()
    chmodSync(join(root, 'a'), 0o777)
    expect(() => checkPlaces('linux', layout, file)).toThrow(/could exchange it.*sudo cp/)
    chmodSync(join(root, 'a'), 0o755)
    chmodSync(root, 0o777)
    expect(() => checkPlaces('linux', layout, process.execPath)).toThrow(
      `Other users may write to ${root}.`,
    )
  })
})

describe('on Windows', () => {
  const env = { ProgramFiles: 'C:\\Program Files', 'ProgramFiles(x86)': 'C:\\Program Files (x86)' }
  it.each([
    ['C:\\Program Files\\DeployX Agent\\setup-1\\deployx-agent.exe', true],
    ['c:\\program files (x86)\\x\\deployx-agent.exe', true],
    ['C:\\Program Files', false],
    ['C:\\Program Files Open\\deployx-agent.exe', false],
    ['C:\\Program Files\\..\\Users\\deployx-agent.exe', false],
    ['C:\\Users\\eve\\Downloads\\deployx-agent.exe', false],
    ['D:\\Program Files\\deployx-agent.exe', false],
    ['\\\\server\\share\\deployx-agent.exe', false],
  ])('%s', (path, expected) => {
    expect(isAdministratorsPlace(path, env)).toBe(expected)
    const check = () => checkPlaces('windows', layoutOf('windows', env), path, env)
    if (expected) expect(check).not.toThrow()
    else expect(check).toThrow(/new folder in C:\\Program Files/)
  })
})

it.skipIf(me === undefined)(
  'a service installs the file that was started, not one that has taken its name',
  () => {
    const self = openSelf(file)
    const layout = {
      ...layoutOf('linux', {}),
      folder: join(root, 'opt'),
      executable: join(root, 'opt', 'deployx-agent'),
      startScript: join(root, 'opt', 'start.sh'),
      descriptionFile: join(root, 'unit'),
    }
    try {
      writeFileSync(join(root, 'evil'), 'evil')
      renameSync(join(root, 'evil'), file)
      placeFiles(layout, '', self)
      expect(readFileSync(layout.executable, 'utf8')).toBe('mine')
      expect(self.isAt(layout.executable)).toBe(false)
      const placed = openSelf(layout.executable)
      expect(placed.isAt(layout.executable)).toBe(true)
      // An existing file stays: this is how an installed agent installs itself again.
      placeFiles(layout, '', placed)
      expect(placed.isAt(layout.executable)).toBe(true)
      placed.close()
    } finally {
      self.close()
    }
  },
)
