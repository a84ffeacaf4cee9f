import { describe, expect, it } from 'vitest'
import { parseRegistry } from './registry.ts'

const valuesOf = (...lines: string[]) => {
  const text = ['Windows Registry Editor Version 5.00', '', '[HKEY_LOCAL_MACHINE\\X]', ...lines]
  return Object.fromEntries(parseRegistry(text.join('\r\n') + '\r\n')[0]!.values)
}

describe('an exported key of the registry', () => {
  it('keeps every character of a text', () => {
    expect(
      valuesOf(
        '"DisplayName"="Draw™ “Plus” – OpenCX® 图像工具"',
        '"Quoted"="\\"C:\\\\A B\\\\un.exe\\" /S"',
        '"With \\"quotes\\" = [and] brackets"="[HKEY_LOCAL_MACHINE\\\\Y]"',
        '@="the default"',
        '"Empty"=""',
      ),
    ).toEqual({
      displayname: 'Draw™ “Plus” – OpenCX® 图像工具',
      quoted: '"C:\\A B\\un.exe" /S',
      'with "quotes" = [and] brackets': '[HKEY_LOCAL_MACHINE\\Y]',
      '': 'the default',
      empty: '',
    })
  })

  it('is read across line breaks in texts and continued hex digits', () => {
    expect(
      valuesOf(
        '"Two"="first\r\n[HKEY_LOCAL_MACHINE\\\\not a key]"',
        '"Path"=hex(2):25,00,50,00,\\\r\n  25,00,00,00',
        '"List"=hex(7):61,00,00,00,62,00,00,00,00,00',
        '"Data"=hex:0a,1b',
        '"Number"=dword:0000001a',
        '"Big"=hex(b):01,00,00,00,00,00,00,80',
        '"After"="x"',
      ),
    ).toEqual({
      two: 'first\r\n[HKEY_LOCAL_MACHINE\\not a key]',
      path: '%P%',
      list: 'a\nb',
      data: '0A1B',
      number: '0x1a',
      big: '0x8000000000000001',
      after: 'x',
    })
  })

  it('separates its keys, and skips everything that is not a value', () => {
    const keys = parseRegistry('junk\n[A]\n"broken\n[A\\B]\n"X"="1"\n"Y"=whatever\n')
    expect(keys.map(({ path }) => path)).toEqual(['A', 'A\\B'])
    expect(Object.fromEntries(keys[1]!.values)).toEqual({ x: '1' })
    expect(parseRegistry('')).toEqual([])
  })

  it('is read in linear time, whatever it contains', () => {
    const startedAt = performance.now()
    parseRegistry('"'.repeat(200_000))
    parseRegistry('"a\n'.repeat(20_000))
    parseRegistry(`"a"=hex:${'00,'.repeat(200_000)}`)
    expect(performance.now() - startedAt).toBeLessThan(5_000)
  })
})
