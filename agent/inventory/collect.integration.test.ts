/** Collects the inventory of this PC with its real tools, and of a simulated PC that returns bad data. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { PACKED_LIMIT_CHARS } from '#shared/contract/inventory.ts'
import { diffInventory } from '#shared/domain/inventory-delta.ts'
import { EMPTY_INVENTORY, Inventory, type InstalledSoftware } from '#shared/domain/inventory.ts'
import { createLog } from '../lib/log.ts'
import { makeFolder } from '../test-kit/agent-process.ts'
import { createCollector, createReader, steady } from './collect.ts'
import { createLinuxReader } from './linux/linux.ts'
import { interfacesOf } from './network.ts'
import { hashOf, pack } from './pack.ts'
import type { PlatformReader } from './platform.ts'

process.env['DEPLOYX_LOG_LEVEL'] = 'silent'
const log = createLog()
const collect = (reader: PlatformReader, before: Inventory | null = null) =>
  createCollector({ reader, log })(before)
const nothing: PlatformReader = {
  hardware: () => Promise.resolve(null),
  os: () => Promise.resolve(null),
  disks: () => Promise.resolve(null),
  users: () => Promise.resolve(null),
  software: () => Promise.resolve(null),
  idleInterfaces: () => Promise.resolve([]),
}
const entry = (key: string): InstalledSoftware => ({
  key,
  source: 'dpkg',
  name: key,
  version: '1',
  publisher: null,
  installed_on: null,
})

describe('this PC', () => {
  it('reports its processor, memory, system, root disk, addresses and packages', async () => {
    const found = await collect(createReader(null))
    expect(Inventory.parse(found)).toEqual(found)
    expect(found.hardware!.memory_bytes).toBeGreaterThan(1024 ** 2)
    expect(found.os).toMatchObject({ arch: process.arch })
    expect(Date.parse(found.os!.booted_at!)).toBeLessThan(Date.now())
    expect(found.disks!.map((disk) => disk.mount)).toContain('/')
    const dpkg = execFileSync('dpkg-query', ['-W', '--showformat=${db:Status-Status}\\n'])
    const installed = dpkg
      .toString()
      .split('\n')
      .filter((status) => status === 'installed').length
    expect(found.software).toHaveLength(installed)
    const version = execFileSync('dpkg-query', ['-W', '--showformat=${Version}', 'dpkg'])
    expect(found.software).toContainEqual(
      expect.objectContaining({ name: 'dpkg', version: version.toString() }),
    )
    expect(await pack(diffInventory(null, found))).toHaveProperty('length', expect.any(Number))
  })

  it('reports the same a moment later', async () => {
    const reader = createReader(null)
    const first = await collect(reader)
    expect(hashOf(await collect(reader, first))).toBe(hashOf(first))
  })

  it('reports the packages of an install root instead of its own', async () => {
    const root = makeFolder()
    try {
      expect((await collect(createReader(root.path))).software).toEqual([])
      const admin = join(root.path, 'var/lib/dpkg')
      mkdirSync(admin, { recursive: true })
      writeFileSync(
        join(admin, 'status'),
        'Package: hello\nStatus: install ok installed\nArchitecture: all\nVersion: 2.1\nMaintainer: A B <a@b.c>\nDescription: x\n\n',
      )
      expect((await collect(createReader(root.path))).software).toMatchObject([
        { key: 'dpkg:hello:all', version: '2.1', publisher: 'A B' },
      ])
    } finally {
      root.remove()
    }
  })

  it("is described by its firmware, without the makers' placeholders", async () => {
    const root = makeFolder()
    try {
      const dmi = join(root.path, 'sys/class/dmi/id')
      mkdirSync(dmi, { recursive: true })
      const write = (name: string, text: string): void =>
        writeFileSync(join(dmi, name), `${text}\n`)
      write('sys_vendor', 'LENOVO')
      write('product_name', '20XW00FPGE')
      write('product_version', 'ThinkPad X1 Carbon Gen 9')
      write('product_serial', 'To Be Filled By O.E.M.')
      write('bios_vendor', 'LENOVO')
      write('bios_version', 'N32ET75W (1.51 )')
      expect(await createLinuxReader(null, root.path).hardware()).toMatchObject({
        manufacturer: 'LENOVO',
        model: 'ThinkPad X1 Carbon Gen 9 (20XW00FPGE)',
        serial: null,
        firmware: 'LENOVO N32ET75W (1.51 )',
        virtual: false,
      })
    } finally {
      root.remove()
    }
  })
})

describe('a PC whose readers fail or return bad data', () => {
  it('reports the rest if one section cannot be read', async () => {
    const found = await collect({
      ...nothing,
      hardware: () => Promise.reject(new Error('no')),
      software: () => Promise.resolve([entry('a')]),
    })
    expect(found).toMatchObject({ hardware: null, os: null, software: [entry('a')] })
    expect(found.network).not.toBeNull()
  })

  it('removes control characters from texts, and truncates long ones', async () => {
    const name = 'evil\u202e\u001b[31m\nexe' + 'x'.repeat(500)
    const found = await collect({
      ...nothing,
      users: () => Promise.resolve(['a\u2028b', 'a\u2028b']),
      software: () => Promise.resolve([{ ...entry('k'), name }, entry(''), entry('k')]),
    })
    expect(found.users).toEqual(['a b'])
    expect(found.software).toHaveLength(1)
    expect(found.software![0]!.name).toMatch(/^evil\ufffd\ufffd\[31m exex+$/)
    expect(found.software![0]!.name).toHaveLength(256)
    expect(Inventory.safeParse(found).success).toBe(true)
  })

  it('reports as much of its software as fits, and counts the rest', async () => {
    const many = Array.from({ length: 6_000 }, (_, i) => entry(`p${String(i).padStart(5, '0')}`))
    const found = await collect({ ...nothing, software: () => Promise.resolve(many) })
    expect(found.software).toHaveLength(5_000)
    expect(found.software_omitted).toBe(1_000)

    const noise = many.map((e, i) => ({
      ...e,
      version: Buffer.from(String(Math.sin(i)).repeat(12))
        .toString('base64')
        .slice(0, 250),
    }))
    const cut = await collect({ ...nothing, software: () => Promise.resolve(noise) })
    expect(cut.software_omitted + cut.software!.length).toBe(6_000)
    expect((await pack(diffInventory(null, cut))).length).toBeLessThanOrEqual(PACKED_LIMIT_CHARS)
  })
})

describe('values that change all the time', () => {
  const disk = { mount: '/', device: null, file_system: null, size_bytes: 1_000_000 }
  const os = { name: 'x', version: null, build: null, arch: 'x64', installed_at: null }
  const at = (free_bytes: number, booted_at: string): Inventory => ({
    ...EMPTY_INVENTORY,
    disks: [{ ...disk, free_bytes }],
    os: { ...os, booted_at },
  })
  const before = at(500_000, '2026-01-01T00:00:00.000Z')

  it('keep their last reported value until they have changed enough', () => {
    expect(steady(before, at(509_000, '2026-01-01T00:00:59.000Z'))).toEqual(before)
    const moved = at(510_001, '2026-01-01T00:03:00.000Z')
    expect(steady(before, moved)).toEqual(moved)
    expect(steady(null, moved)).toEqual(moved)
  })
})

describe('interfaces', () => {
  const address = (cidr: string, mac: string, internal = false) =>
    ({ address: cidr.split('/')[0]!, cidr, mac, internal, family: 'IPv4', netmask: '' }) as const
  it('include all network interfaces with their addresses, even idle ones, but not loopback and container interfaces', () => {
    const found = interfacesOf(
      {
        lo: [address('127.0.0.1/8', '00:00:00:00:00:00', true)],
        eth0: [address('192.168.1.20/24', '02:FC:00:00:00:01'), address('fe80::1/64', '')],
        veth12ab: [address('169.254.1.1/16', '02:fc:00:00:00:02')],
        tun0: [address('10.8.0.2/24', '00:00:00:00:00:00')],
      },
      [
        { name: 'eth0', mac: '02:fc:00:00:00:01' },
        { name: 'wlan0', mac: '02:fc:00:00:00:09' },
      ],
    )
    expect(found).toEqual([
      { name: 'eth0', mac: '02:fc:00:00:00:01', addresses: ['192.168.1.20/24'] },
      { name: 'tun0', mac: null, addresses: ['10.8.0.2/24'] },
      { name: 'wlan0', mac: '02:fc:00:00:00:09', addresses: [] },
    ])
  })
})
