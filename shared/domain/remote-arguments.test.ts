import { expect, it } from 'vitest'
import { loadsFromElsewhere } from './remote-arguments.ts'

it.each([
  'TRANSFORMS=\\\\server\\share\\a.mst',
  'TRANSFORMS="\\\\server\\share\\a b.mst" /qn',
  '/S /config=https://example.com/a.xml',
  'PATCH=HTTP://example.com/a.msp',
  '/LOADINF=\\\\10.0.0.1\\a.inf',
  'TRANSFORMS=:local.mst;\\\\server\\a.mst',
  '//server/share/a.cfg',
  "SOURCE='//server/a'",
  'CONFIG=file:///c:/a',
  '\\\\?\\UNC\\server\\a',
])('%s loads from elsewhere', (line) => {
  expect(loadsFromElsewhere(line)).toBe(true)
})

it.each([
  '',
  '/S',
  '/qn /norestart ALLUSERS=1',
  'TRANSFORMS=a.mst',
  'INSTALLDIR="C:\\Program Files\\A"',
  '/D=C:\\A B',
  '/v"/qn /l*v \\"C:\\a.log\\""',
  '-y //',
  'KEY=a:/b',
])('%s does not', (line) => {
  expect(loadsFromElsewhere(line)).toBe(false)
})
