import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { DeploymentId } from '#shared/domain/ids.ts'
import type { Pulse } from './pulse.ts'
import { trayIconFile, trayView, type TrayEntry } from './tray-view.ts'

const id = (n: number) => n as DeploymentId
const pulse = (changes: Partial<Pulse['activity']> = {}, unseen: Pulse['unseen'] = []): Pulse => ({
  hubAddress: '192.168.1.20:7480',
  activity: {
    active_deployments: [],
    running_targets: 0,
    online_agents: 3,
    total_devices: 5,
    pending_devices: 0,
    ...changes,
  },
  unseen,
})
const labels = (menu: TrayEntry[]) => menu.flatMap((e) => (e.type === 'separator' ? [] : [e.label]))
const office = {
  ...{ id: id(7), name: 'Office', ended: 31, failed: 0, total: 42 },
  is_paused_by_failures: false,
}

describe('the state of the tray', () => {
  it('is "work" while something runs, and "attention" before that if something failed', () => {
    expect(trayView(pulse()).state).toBe('idle')
    expect(trayView(pulse({ active_deployments: [office] })).state).toBe('working')
    expect(trayView(pulse({ running_targets: 1 })).state).toBe('working')
    const failed = [{ id: id(3), name: 'VLC', failed: 2, isPaused: false }]
    expect(trayView(pulse({ active_deployments: [office] }, failed)).state).toBe('attention')
  })

  it('is "attention" while a PC waits for approval, and its entry opens the devices', () => {
    const view = trayView(pulse({ pending_devices: 2 }))
    expect(view.state).toBe('attention')
    expect(view.tooltip).toContain('2 PCs wait for approval')
    expect(view.menu).toContainEqual({
      type: 'action',
      label: '2 PCs wait for approval',
      action: { do: 'open-devices' },
    })
    expect(labels(trayView(pulse({ pending_devices: 1 })).menu)).toContain(
      '1 PC waits for approval',
    )
  })

  it('has its own picture on every platform', () => {
    const folder = join(import.meta.dirname, '../../build/icons/tray')
    for (const platform of ['linux', 'win32', 'darwin'] as const) {
      for (const dark of [true, false]) {
        const files = (['idle', 'working', 'attention'] as const).map((state) =>
          trayIconFile(state, platform, dark),
        )
        expect(new Set(files).size).toBe(3)
        for (const file of files) expect(existsSync(join(folder, file)), file).toBe(true)
      }
    }
  })
})

describe('the menu', () => {
  it('shows the hub, opens, starts and quits', () => {
    expect(labels(trayView(pulse()).menu)).toEqual([
      'Open DeployX',
      'Controller 192.168.1.20:7480 · 3 of 5 PCs online',
      'New deployment',
      'Quit',
    ])
  })

  it('lists what runs and what failed, each linked to its page', () => {
    const { menu } = trayView(
      pulse({ active_deployments: [office] }, [
        { id: id(3), name: 'VLC', failed: 2, isPaused: false },
        { id: id(4), name: 'Pilot', failed: 1, isPaused: true },
      ]),
    )
    expect(menu).toContainEqual({
      type: 'action',
      label: 'Office 31/42',
      action: { do: 'open-deployment', id: 7 },
    })
    expect(menu).toContainEqual({
      type: 'action',
      label: 'VLC: 2 failed',
      action: { do: 'open-deployment', id: 3 },
    })
    expect(labels(menu)).toContain('Pilot: paused, 1 failed')
  })

  it('stays short in any case', () => {
    const many = Array.from({ length: 300 }, (_each, n) => ({
      ...office,
      id: id(n + 1),
      name: `&${'x'.repeat(500)}\n`,
    }))
    const shown = labels(trayView(pulse({ active_deployments: many })).menu)
    expect(shown).toHaveLength(4 + 8 + 1)
    expect(shown).toContain('and 292 more')
    expect(Math.max(...shown.map((label) => label.length))).toBeLessThan(130)
    expect(shown[2]).toMatch(/^&&x+… 31\/42$/)
  })
})

it('the tooltip shows the same, without names', () => {
  expect(trayView(pulse()).tooltip).toBe(
    'DeployX · Controller 192.168.1.20:7480 · 3 of 5 PCs online',
  )
  const busy = pulse({ active_deployments: [office, office] }, [
    { id: id(3), name: 'VLC', failed: 2, isPaused: false },
    { id: id(4), name: 'Pilot', failed: 1, isPaused: true },
  ])
  expect(trayView(busy).tooltip).toBe(
    'DeployX · Controller 192.168.1.20:7480 · 3 of 5 PCs online · 2 deployments run · 1 has failures · 1 paused by failures',
  )
  const long = trayView({ ...busy, hubAddress: `[${'fe80::'.repeat(30)}]:7480` })
  expect(long.tooltip.length).toBeLessThanOrEqual(127)
})
