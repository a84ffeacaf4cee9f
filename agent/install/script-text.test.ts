import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { normalizeScript, normalizeScriptFile } from './script-text.ts'

const sh = (text: string | Buffer) =>
  normalizeScript(Buffer.from(text as string), 'sh').toString('latin1')

describe('a script from another system', () => {
  it.each([
    ['CRLF', '#!/bin/sh\r\nset -e\r\nexit 0\r\n', '#!/bin/sh\nset -e\nexit 0\n'],
    ['a mark', '\ufeff#!/bin/bash\ntrue\n', '#!/bin/bash\ntrue\n'],
    ['both', '\ufeff#!/bin/bash\r\ntrue\r\n', '#!/bin/bash\ntrue\n'],
    ['a part of CRLF', '#!/bin/sh\nif true\r\nthen :\nfi\n', '#!/bin/sh\nif true\nthen :\nfi\n'],
    ['lone CRs', '#!/bin/sh\rtrue\r', '#!/bin/sh\ntrue\n'],
    ['a CR within a line', "#!/bin/sh\nprintf 'a\rb'\n", "#!/bin/sh\nprintf 'a\rb'\n"],
    ['nothing unusual', '#!/bin/sh\ntrue\n', '#!/bin/sh\ntrue\n'],
    ['nothing at all', '', ''],
  ])('runs in a shell with %s', (_what, before, after) => expect(sh(before)).toBe(after))

  it('is converted from UTF-16 to UTF-8', () => {
    const utf16 = Buffer.from('\ufeff#!/bin/sh\r\necho grün\r\n', 'utf16le')
    expect(normalizeScript(utf16, 'sh').toString('utf8')).toBe('#!/bin/sh\necho grün\n')
    expect(normalizeScript(Buffer.from(utf16).swap16(), 'sh').toString('utf8')).toContain('grün')
  })

  it('keeps the bytes of another encoding', () => {
    const latin1 = Buffer.from('# gr\xfcn\r\ntrue\r\n', 'latin1')
    expect(normalizeScript(latin1, 'sh').toString('latin1')).toBe('# gr\xfcn\ntrue\n')
  })

  it('stays unchanged if it carries an archive, or is a program', () => {
    const archive = Buffer.concat([
      Buffer.from('#!/bin/sh\r\ntail -n +3 "$0" | tar xz\r\n'),
      gzipSync(Buffer.from('a\r\nb\r\n'.repeat(50))),
    ])
    expect(normalizeScript(archive, 'sh')).toBe(archive)
    const program = Buffer.from('7f454c460201\r\n', 'latin1')
    program[0] = 0x00
    expect(normalizeScript(program, 'sh')).toBe(program)
  })

  it('gets CRLF and no byte order mark for the Command Prompt', () => {
    expect(normalizeScript(Buffer.from('\ufeff@echo off\n:a\r\n'), 'cmd').toString()).toBe(
      '@echo off\r\n:a\r\n',
    )
  })

  it('keeps its line endings for PowerShell, and gets a byte order mark', () => {
    const of = (text: string) => normalizeScript(Buffer.from(text), 'ps1').toString()
    expect(of("'grün'\n")).toBe("\ufeff'grün'\n")
    expect(of("\ufeff'grün'\r\n")).toBe("\ufeff'grün'\r\n")
    expect(of("'plain'\n")).toBe("'plain'\n")
    const utf16 = Buffer.from("\ufeff'grün'", 'utf16le')
    expect(normalizeScript(utf16, 'ps1')).toBe(utf16)
  })
})

describe.runIf(process.platform !== 'win32')('a script file', () => {
  let folder: string
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'deployx-script-'))))
  afterEach(() => rmSync(folder, { recursive: true }))

  it('runs under its own name and with its mode', async () => {
    const file = join(folder, 'setup.sh')
    writeFileSync(file, '\ufeff#!/bin/sh\r\nset -e\r\necho "$0"\r\n', { mode: 0o750 })
    await normalizeScriptFile(file, 'sh')
    expect(statSync(file).mode & 0o777).toBe(0o750)
    const { status, stdout } = spawnSync('/bin/sh', [file], { encoding: 'utf8' })
    expect([status, stdout.trim()]).toEqual([0, file])
  })

  it('is not touched if nothing has to be changed', async () => {
    const file = join(folder, 'setup.sh')
    writeFileSync(file, '#!/bin/sh\ntrue\n')
    const { ino } = statSync(file)
    await normalizeScriptFile(file, 'sh')
    expect(statSync(file).ino).toBe(ino)
    const program = readFileSync('/bin/sh')
    writeFileSync(file, program)
    await normalizeScriptFile(file, 'sh')
    expect(readFileSync(file).equals(program)).toBe(true)
  })
})
