/** Sample outputs of macOS 14's tools. Nothing here has been run on a Mac. */
import { describe, expect, it } from 'vitest'
import { parseBootTime, parseMacMounts, parseOverview, parseReceipt, parseSwVers } from './macos.ts'

describe('a Mac', () => {
  it('is described by system_profiler', () => {
    const text = JSON.stringify({
      SPHardwareDataType: [
        {
          _name: 'hardware_overview',
          boot_rom_version: '10151.101.3',
          chip_type: 'Apple M1 Pro',
          machine_model: 'MacBookPro18,3',
          machine_name: 'MacBook Pro',
          physical_memory: '16 GB',
          serial_number: 'C02ABCDEFGHJ',
        },
      ],
    })
    expect(parseOverview(text)).toEqual({
      model: 'MacBook Pro (MacBookPro18,3)',
      serial: 'C02ABCDEFGHJ',
      cpu: 'Apple M1 Pro',
      firmware: '10151.101.3',
    })
    expect(parseOverview('')).toBeNull()
    expect(parseOverview('{"SPHardwareDataType":[]}')).toBeNull()
  })
  it('reports its version and its boot time', () => {
    const text = 'ProductName:\t\tmacOS\nProductVersion:\t\t14.4.1\nBuildVersion:\t\t23E224\n'
    expect(parseSwVers(text)).toEqual({ name: 'macOS', version: '14.4.1', build: '23E224' })
    expect(parseBootTime('{ sec = 1712500000, usec = 123456 } Sun Apr  7 16:26:40 2024\n')).toBe(
      '2024-04-07T14:26:40.000Z',
    )
    expect(parseBootTime('')).toBeNull()
  })
  it('has the volumes that a user sees', () => {
    const text = [
      '/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)',
      'devfs on /dev (devfs, local, nobrowse)',
      '/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse)',
      '//anna@server/share on /Volumes/share (smbfs, nodev, nosuid)',
      '/dev/disk5s1 on /Volumes/USB (big) (exfat, local, nodev, nosuid)',
    ].join('\n')
    expect(parseMacMounts(text)).toEqual([
      { mount: '/', device: '/dev/disk3s1s1', file_system: 'apfs' },
      { mount: '/Volumes/USB (big)', device: '/dev/disk5s1', file_system: 'exfat' },
    ])
  })
  it('keeps receipts of installed packages', () => {
    const text =
      'package-id: org.videolan.vlc\nversion: 3.0.20\nvolume: /\nlocation: Applications\ninstall-time: 1712500000\n'
    expect(parseReceipt(text)).toEqual({
      key: 'pkgutil:org.videolan.vlc',
      source: 'pkgutil',
      name: 'org.videolan.vlc',
      version: '3.0.20',
      publisher: null,
      installed_on: '2024-04-07',
    })
    expect(parseReceipt('No receipt for x found at /.')).toBeNull()
  })
})
