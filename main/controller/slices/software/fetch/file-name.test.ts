import { describe, expect, it } from 'vitest'
import { fileNameOfDisposition, fileNameOfUrl } from './file-name.ts'

describe('the name of a fetched file', () => {
  it.each([
    ['attachment; filename="Set up 1.2.exe"', 'Set up 1.2.exe'],
    ['attachment; filename=setup.exe', 'setup.exe'],
    ['attachment; filename="a \\"quoted\\" name.msi"', 'a "quoted" name.msi'],
    [
      'attachment; filename="fallback.deb"; filename*=UTF-8\'\'na%C3%AFve%20file.deb',
      'naïve file.deb',
    ],
    ["attachment; filename*=UTF-8''%ZZ.deb", '%ZZ.deb'],
    ['inline', null],
    ['attachment; filename=', null],
    [undefined, null],
  ])('is read from %j', (header, name) => expect(fileNameOfDisposition(header)).toBe(name))

  it.each([
    ['http://h/a/b/setup.exe?x=1#y', 'setup.exe'],
    ['http://h/a%20b.deb', 'a b.deb'],
    ['http://h/..%2f..%2fetc%2fpasswd', '../../etc/passwd'],
    ['http://h/%ZZ.deb', '%ZZ.deb'],
    ['http://h/', ''],
  ])('is taken from %s', (url, name) => expect(fileNameOfUrl(new URL(url))).toBe(name))
})
