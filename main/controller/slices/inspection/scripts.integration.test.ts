import { afterAll, describe, expect, it } from 'vitest'
import { openInspector } from '../../test-kit/inspector.ts'

const inspector = openInspector()
const { look } = inspector
afterAll(() => inspector.close())

const noise = (seed: number, length: number) =>
  Buffer.from(Array.from({ length }, (_, i) => (i * i * 31 + i * seed + seed) % 251))

describe('scripts', () => {
  it.each(['x.sh', 'x.cmd', 'x.bat', 'x.ps1'])('%s is refused when it is noise', async (name) => {
    for (const seed of [7, 19, 101]) {
      const bytes = noise(seed, 200).map((byte) => byte || 200)
      await expect(look(name, Buffer.from(bytes))).rejects.toThrow('is not a script')
      const utf16 = Buffer.concat([Buffer.from('fffe', 'hex'), noise(seed, 4_096)])
      await expect(look(name, utf16)).rejects.toThrow('is not a script')
    }
  })

  it.each<[string, string, Buffer | string]>([
    [
      'x.cmd',
      'in a code page of Windows',
      Buffer.from('@echo off\r\nrem f\xfcr B\xfcro\r\n', 'latin1'),
    ],
    ['x.bat', 'that ends with Ctrl+Z', '@echo off\r\n\x1a\r\n'],
    ['x.ps1', 'in UTF-16', Buffer.from('\ufeffWrite-Host \u65e5\u672c \ue0b0 ok\r\n', 'utf16le')],
  ])('%s %s is a script', async (name, _, bytes) => {
    expect(await look(name, bytes)).toMatchObject({ name: 'x', platform: 'windows' })
  })

  it.each<[string, Buffer | string]>([
    ['without a line for the interpreter', 'echo \u00fc\r\n\tls\n'],
    ['in UTF-16, as Windows writes it', Buffer.from('\ufeff#!/bin/sh\r\necho \u0141', 'utf16le')],
    ['with a byte-order mark', '\ufeff#!/bin/sh\necho'],
    ['with a payload', Buffer.concat([Buffer.from('#!/bin/sh\n'), Buffer.alloc(99, 1)])],
    ['in Latin-1', Buffer.from('# gr\u00fc\u00dfe\nls\n', 'latin1')],
  ])('a script %s is one', async (_what, bytes) => {
    expect(await look('x.sh', bytes)).toMatchObject({ name: 'x', platform: 'linux' })
  })
})
