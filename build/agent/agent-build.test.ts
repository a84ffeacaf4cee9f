import { expect, it } from 'vitest'
import { majorOf } from './sea.ts'
import { AGENT_TARGETS, targetsByIds } from './targets.ts'
import { turnFuse } from './windows-executable.ts'

it('names the files as other parts and people look for them', () => {
  expect(targetsByIds(['linux-x64', 'win-x64']).map((target) => target.fileName)).toEqual([
    'deployx-agent-linux-x64',
    'deployx-agent-win-x64.exe',
  ])
  expect(new Set(AGENT_TARGETS.map((target) => target.fileName)).size).toBe(AGENT_TARGETS.length)
})

it('refuses a target that it does not know and says which there are', () => {
  expect(() => targetsByIds(['linux-x64', 'beos'])).toThrow(/'beos'.*linux-x64, .*win-x64/)
})

it('reads the major version of a Node', () => {
  expect(majorOf('v24.21.0')).toBe(24)
  expect(majorOf('nothing')).toBeNaN()
})

it('turns the fuse of a Node, and only where it is there once', () => {
  const node = Buffer.from('....FUSE:0....')
  turnFuse(node, 'FUSE')
  expect(node.toString()).toBe('....FUSE:1....')
  expect(() => turnFuse(node, 'FUSE')).toThrow('its fuse is not there once')
  expect(() => turnFuse(Buffer.from('FUSE:0 FUSE:0'), 'FUSE')).toThrow('not there once')
})
