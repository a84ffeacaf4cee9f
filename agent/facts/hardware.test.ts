/** The hardware id, from sysfs trees as kernels create them. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { linuxHardwareId, systemUuid } from './hardware.ts'

const UUID = '4c4c4544-0046-3110-8051-b4c04f564e32'
let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'deployx-sysfs-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function put(path: string, text: string): void {
  const file = join(root, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}
/** A network interface, its device at `bus` below sys/devices. */
function card(name: string, bus: string, address: string, more: Record<string, string> = {}): void {
  const at = `sys/devices/${bus}/net/${name}`
  put(`${at}/address`, `${address}\n`)
  put(`${at}/addr_assign_type`, '0\n')
  for (const [file, text] of Object.entries(more)) put(`${at}/${file}`, text)
  symlinkSync(join(root, `sys/devices/${bus}`), join(root, at, 'device'))
  mkdirSync(join(root, 'sys/class/net'), { recursive: true })
  symlinkSync(join(root, at), join(root, 'sys/class/net', name))
}

describe('the hardware id', () => {
  it('depends on the UUID of the firmware only, whatever network cards are added or removed', () => {
    put('sys/class/dmi/id/product_uuid', `${UUID.toUpperCase()}\n`)
    const bare = linuxHardwareId(root)
    expect(bare).toMatch(/^[0-9a-f]{64}$/)
    card('eth0', 'pci0000:00/0000:00:1f.6', 'aa:00:00:00:00:01')
    expect(linuxHardwareId(root)).toBe(bare)
    put('sys/class/dmi/id/product_uuid', UUID.replace('4c', '5d'))
    expect(linuxHardwareId(root)).not.toBe(bare)
  })

  it('uses the first built-in wired card if the UUID is a placeholder', () => {
    put('sys/class/dmi/id/product_uuid', '03000200-0400-0500-0006-000700080009\n')
    expect(linuxHardwareId(root)).toBeNull()
    card('enp3', 'pci0000:00/0000:03:00.0', 'aa:00:00:00:00:03')
    const first = linuxHardwareId(root)
    expect(first).toMatch(/^[0-9a-f]{64}$/)
    card('usb0', 'pci0000:00/0000:00:01.0/usb1/1-2', 'aa:00:00:00:00:04')
    card('dock', 'pci0000:00/0000:00:02.0/0000:05:00.0', 'aa:00:00:00:00:05')
    put('sys/devices/pci0000:00/0000:00:02.0/removable', 'removable\n')
    card('wlan0', 'pci0000:00/0000:00:02.5', 'aa:00:00:00:00:06', { 'wireless/x': '' })
    card('set', 'pci0000:00/0000:00:02.6', 'aa:00:00:00:00:07', { addr_assign_type: '3\n' })
    card('none', 'pci0000:00/0000:00:02.7', '00:00:00:00:00:00')
    put('sys/class/net/br0/address', 'aa:00:00:00:00:08\n')
    put('sys/class/net/br0/addr_assign_type', '0\n')
    expect(linuxHardwareId(root)).toBe(first)
    card('enp1', 'pci0000:00/0000:01:00.0', 'aa:00:00:00:00:01')
    expect(linuxHardwareId(root)).not.toBe(first)
  })

  it('is unknown if there is a UUID that cannot be read, because a substitute would look like other hardware', () => {
    mkdirSync(join(root, 'sys/class/dmi/id/product_uuid'), { recursive: true })
    card('eth0', 'pci0000:00/0000:00:1f.6', 'aa:00:00:00:00:01')
    expect(linuxHardwareId(root)).toBeNull()
  })

  it('is unknown if there is nothing to derive it from', () => {
    expect(linuxHardwareId(root)).toBeNull()
  })

  it.each([
    [`    LastConfig    REG_SZ    {${UUID}}`, UUID],
    [`  "IOPlatformUUID" = "${UUID.toUpperCase()}"`, UUID],
    ['00000000-0000-0000-0000-000000000000', null],
    ['FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF', null],
    ['00020003-0004-0005-0006-000700080009', null],
    ['To be filled by O.E.M.', null],
    ['', null],
  ])('reads from `%s` the UUID %s', (text, uuid) => {
    expect(systemUuid(text)).toBe(uuid)
  })
})
