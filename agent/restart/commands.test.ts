import { describe, expect, it } from 'vitest'
import { withdrawCall, isAlreadyScheduled, noticeText, restartCall } from './commands.ts'

describe('the notice to the people at the PC', () => {
  it('says who, when and why', () => {
    expect(noticeText('Office 2021', 10)).toBe(
      'DeployX restarts this PC in 10 minutes to complete the installation (Office 2021). Please save your work.',
    )
    expect(noticeText('x', 1)).toContain('in 1 minute to')
  })

  it.each([
    ['B\u00fcro\u2019s \u202eM\u00fcnchen', 'Buro?s ?Munchen'],
    ['a" & del C:\\ %PATH% `id` $(id) | x\n;y', 'a del C: PATH id (id) x?y'],
    ['-r now', '-r now'],
    ['x'.repeat(200), 'x'.repeat(60)],
  ])(
    'contains nothing of the name %j that quotes, expands or controls the terminal',
    (name, shown) => {
      const text = noticeText(name, 5)
      expect(text).toContain(`(${shown})`)
      expect(text).toMatch(/^DeployX [\x20-\x7e]{1,200}$/)
    },
  )

  it('leaves out a name without printable characters', () => {
    expect(noticeText('\u202e', 5)).toContain('(?)')
    expect(noticeText('%%', 5)).toContain('to complete newly installed software.')
  })
})

describe('the command', () => {
  it('is one program and its arguments on each platform, never a shell', () => {
    expect(restartCall('windows', 90, 'text')).toEqual({
      file: 'C:\\Windows\\System32\\shutdown.exe',
      args: ['/r', '/t', '90', '/c', 'text', '/d', 'p:4:2'],
    })
    expect(restartCall('linux', 600, 'text')).toEqual({
      file: 'shutdown',
      args: ['-r', '+10', 'text'],
    })
    expect(restartCall('macos', 61, 'text')).toEqual({
      file: '/sbin/shutdown',
      args: ['-r', '+2', 'text'],
    })
    expect(withdrawCall('windows').args).toEqual(['/a'])
    expect(withdrawCall('linux').args).toEqual(['-c'])
    expect(withdrawCall('macos')).toEqual({
      file: '/usr/bin/killall',
      args: ['-u', 'root', 'shutdown'],
    })
  })

  it('recognises the exit code of Windows for a restart that is already scheduled', () => {
    expect(isAlreadyScheduled('windows', 1190)).toBe(true)
    expect(isAlreadyScheduled('windows', 5)).toBe(false)
    expect(isAlreadyScheduled('linux', 1190)).toBe(false)
  })
})
