import { expect, it } from 'vitest'
import { majorOf } from './sea.ts'
import { AGENT_TARGETS, targetsByIds } from './targets.ts'
import { turnFuse } from './windows-executable.ts'

it('uses the file names that other parts and people expect', () => {
  expect(targetsByIds(['linux-x64', 'win-x64']).map((target) => target.fileName)).toEqual([
    'deployx-agent-linux-x64',
    'deployx-agent-win-x64.exe',
  ])
  expect(new Set(AGENT_TARGETS.map((target) => target.fileName)).size).toBe(AGENT_TARGETS.length)
})

it('refuses an unknown target and lists the known ones', () => {
  expect(() => targetsByIds(['linux-x64', 'beos'])).toThrow(/'beos'.*linux-x64, .*win-x64/)
})

it('reads the major version of a Node executable', () => {
  expect(majorOf('v24.21.0')).toBe(24)
  expect(majorOf('nothing')).toBeNaN()
})

it('flips the fuse in a Node executable only if it occurs exactly once', () => {
  const node = Buffer.from('....FUSE:0....')
  turnFuse(node, 'FUSE')
  expect(node.toString()).toBe('....FUSE:1....')
  expect(() => turnFuse(node, 'FUSE')).toThrow('its fuse is not there once')
  expect(() => turnFuse(Buffer.from('FUSE:0 FUSE:0'), 'FUSE')).toThrow('not there once')
})
