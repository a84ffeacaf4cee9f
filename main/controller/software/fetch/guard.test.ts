import { describe, expect, it } from 'vitest'
import { checkLiteralHost, guardedLookup, isRefusedAddress, RefusedAddress } from './guard.ts'

describe('an address that is not fetched from', () => {
  it.each([
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '0.1.2.3',
    '169.254.169.254',
    '::1',
    '::',
    'fe80::1',
    'fe80::1%eth0',
    'febf::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:169.254.1.1',
  ])('is %s', (address) => expect(isRefusedAddress(address)).toBe(true))

  it.each([
    '192.168.1.5',
    '10.0.0.1',
    '172.16.0.1',
    '8.8.8.8',
    '128.0.0.1',
    'fec0::1',
    'fd00::1',
    '2001:db8::1',
    '::ffff:10.0.0.1',
    'example.com',
    '',
  ])('is not %j', (address) => expect(isRefusedAddress(address)).toBe(false))

  it.each([
    'http://127.1/',
    'http://0x7f000001/',
    'http://2130706433/',
    'http://[::1]:8080/',
    'http://[::ffff:127.0.0.1]/',
    'http://0/',
  ])('may be written as %s', (address) =>
    expect(() => checkLiteralHost(new URL(address))).toThrow(RefusedAddress),
  )

  it('is found behind a name as well, however many addresses are asked for', async () => {
    for (const all of [true, false]) {
      const error = await new Promise((resolve) =>
        guardedLookup('localhost', { all }, (problem) => resolve(problem)),
      )
      expect(error).toBeInstanceOf(RefusedAddress)
    }
  })
})
