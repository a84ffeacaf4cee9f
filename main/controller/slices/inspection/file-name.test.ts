import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cleanFileName } from './file-name.ts'

describe('the name of an uploaded file', () => {
  it.each([
    ['setup.exe', 'setup.exe'],
    ['vlc 3.0 (64 bit).msi', 'vlc 3.0 (64 bit).msi'],
    ['../../etc/passwd', 'passwd'],
    ['..\\..\\windows\\system32\\evil.exe', 'evil.exe'],
    ['C:\\Users\\ann\\Downloads\\a.msi', 'a.msi'],
    ['/absolute/b.deb', 'b.deb'],
    ['mixed/of\\both/c.sh', 'c.sh'],
    ['trailing/', 'installer'],
    ['..', 'installer'],
    ['.', 'installer'],
    ['', 'installer'],
    ['a\u0000b\r\nc.sh', 'abc.sh'],
    ['what?<is>|"this*:.exe', 'what__is___this__.exe'],
    ['dots and spaces.exe. . .', 'dots and spaces.exe'],
    ['CON', '_CON'],
    ['con.exe', '_con.exe'],
    ['lpt1.tar.deb', '_lpt1.tar.deb'],
    ['console.exe', 'console.exe'],
    ['gpj.\u202Eexe.sh', 'gpj.exe.sh'],
    ['.sh', '.sh'],
  ])('%j becomes %j', (received, name) => {
    expect(cleanFileName(received)).toBe(name)
  })

  it('is cut to 255 bytes and keeps its extension', () => {
    const name = cleanFileName(`${'ü'.repeat(300)}.appimage`)
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255)
    expect(name).toMatch(/^ü+\.appimage$/)
    expect(Buffer.byteLength(cleanFileName('x'.repeat(1000)))).toBe(255)
    expect(cleanFileName('🙂'.repeat(200))).toBe('🙂'.repeat(63))
  })

  it('is one safe component, whatever the input', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (received) => {
        const name = cleanFileName(received)
        expect(name).not.toMatch(/[/\\\p{Cc}<>:"|?*]/u)
        expect(name).not.toMatch(/^\.{0,2}$|^\s|[\s.]$/)
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255)
        expect(cleanFileName(name)).toBe(name)
      }),
      { numRuns: 500 },
    )
  })
})
