import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { createConditions } from './conditions.ts'
import { defaultInterface, parseNmcli, type Metered } from './metered.ts'
import { linuxPower, parsePmset, type Power } from './power.ts'

describe('power on Linux', () => {
  let root: string
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'deployx-power-'))
  })
  afterEach(() => rmSync(root, { recursive: true, force: true }))

  type Supply = Record<string, string>
  function pc(supplies: Record<string, Supply>): void {
    for (const [name, files] of Object.entries(supplies)) {
      const folder = join(root, 'sys/class/power_supply', name)
      mkdirSync(folder, { recursive: true })
      for (const [file, text] of Object.entries(files))
        writeFileSync(join(folder, file), `${text}\n`)
    }
  }
  const mains = (online: string): Supply => ({ type: 'Mains', online })
  const battery = (status: string): Supply => ({ type: 'Battery', status })

  it.each<[string, Record<string, Supply>, Power]>([
    ['a laptop that is plugged in', { AC: mains('1'), BAT0: battery('Charging') }, 'ac'],
    ['a laptop that is unplugged', { AC: mains('0'), BAT0: battery('Discharging') }, 'battery'],
    [
      'a laptop at USB-C, its barrel socket empty',
      { AC: mains('0'), C1: { type: 'USB', online: '1' }, BAT0: battery('Not charging') },
      'ac',
    ],
    [
      'a tablet without a socket for mains',
      { C1: { type: 'USB_PD', online: '0' }, BAT0: battery('Discharging') },
      'battery',
    ],
    ['a laptop whose charger is too weak', { AC: mains('1'), BAT0: battery('Discharging') }, 'ac'],
    [
      'a desktop PC with a wireless mouse',
      { mouse: { type: 'Battery', scope: 'Device', status: 'Discharging' } },
      'unknown',
    ],
    ['a battery without data', { AC: mains('0'), BAT0: battery('Unknown') }, 'unknown'],
    ['a battery without data', { BAT0: {} }, 'unknown'],
  ])('is detected for %s', (_what, supplies, power) => {
    pc(supplies)
    expect(linuxPower(root)).toBe(power)
  })
  it('is unknown if there is no such folder', () => expect(linuxPower(root)).toBe('unknown'))
})

it.each<[string, Power]>([
  ["Now drawing from 'AC Power'\n -InternalBattery-0 (id=1)\t98%; charged; 0:00 remaining", 'ac'],
  ["Now drawing from 'Battery Power'\n -InternalBattery-0 (id=1)\t71%; discharging", 'battery'],
  ["Now drawing from 'UPS Power'\n", 'unknown'],
  ['', 'unknown'],
])('power on macOS is read from %j', (text, power) => expect(parsePmset(text)).toBe(power))

describe('a metered network', () => {
  const HEAD = 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n'
  it('is looked up on the interface of the best default route', () => {
    const routes = [
      'wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0',
      'eth0\t00000000\t0100A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0',
      'eth0\t0000A8C0\t00000000\t0001\t0\t0\t1\t00FFFFFF\t0\t0\t0',
      'down0\t00000000\t0100A8C0\t0002\t0\t0\t1\t00000000\t0\t0\t0',
    ]
    expect(defaultInterface(HEAD + routes.join('\n') + '\n')).toBe('eth0')
    expect(defaultInterface(HEAD + routes.slice(2).join('\n') + '\n')).toBeNull()
    expect(defaultInterface('')).toBeNull()
  })
  const NMCLI_OUTPUT = [
    'GENERAL.DEVICE:lo\nGENERAL.METERED:unknown',
    'GENERAL.DEVICE:eth0\nGENERAL.METERED:no (guessed)',
    'GENERAL.DEVICE:wlan0\nGENERAL.METERED:yes (guessed)',
    'GENERAL.DEVICE:wwan0\nGENERAL.METERED:yes',
  ].join('\n\n')
  it.each<[string, Metered]>([
    ['eth0', 'unmetered'],
    ['wlan0', 'metered'],
    ['wwan0', 'metered'],
    ['lo', 'unknown'],
    ['eth1', 'unknown'],
  ])('is what NetworkManager reports for %s', (name, metered) =>
    expect(parseNmcli(NMCLI_OUTPUT, name)).toBe(metered),
  )
})

describe('conditions', () => {
  const anything = { on_battery: true, on_metered: true }
  const plugged = { on_battery: false, on_metered: true }
  const neither = { on_battery: false, on_metered: false }
  function aPc(power: Power, metered: Metered = 'unmetered') {
    const checks: string[] = []
    const pc = { power, metered, checks }
    const conditions = createConditions(null, systemClock, {
      power: async () => (checks.push('power'), pc.power),
      metered: async () => (checks.push('metered'), pc.metered),
    })
    return { pc, conditions }
  }

  it('check nothing if they allow everything', async () => {
    const { pc, conditions } = aPc('battery', 'metered')
    expect(await conditions.deferReason(anything)).toBeNull()
    expect(conditions.lastDeferReason(anything)).toBeNull()
    expect(pc.checks).toEqual([])
  })
  it('check only what they forbid', async () => {
    const { pc, conditions } = aPc('battery', 'metered')
    expect(await conditions.deferReason(plugged)).toBe('on_battery')
    expect(pc.checks).toEqual(['power'])
    expect(await conditions.deferReason({ on_battery: true, on_metered: false })).toBe('on_metered')
    expect(await conditions.deferReason(neither)).toBe('on_battery')
  })
  it('do not defer work if the state is unknown', async () => {
    const { conditions } = aPc('unknown', 'unknown')
    expect(await conditions.deferReason(neither)).toBeNull()
    const broken = createConditions(null, systemClock, {
      power: () => Promise.reject(new Error('no')),
      metered: () => Promise.reject(new Error('no')),
    })
    expect(await broken.deferReason(neither)).toBeNull()
  })
  it('answer immediately with the last known state, and refresh it for the next time', async () => {
    const { pc, conditions } = aPc('battery')
    // Nothing was checked yet, so nothing is deferred.
    expect(conditions.lastDeferReason(plugged)).toBeNull()
    await expect.poll(() => conditions.lastDeferReason(plugged)).toBe('on_battery')
    pc.power = 'ac'
    await expect.poll(() => conditions.lastDeferReason(plugged)).toBeNull()
  })
})
