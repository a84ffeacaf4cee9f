/** Which detection rules the PCs of a platform can answer. Pure: the console's form and the controller ask here. */
import type { Detection } from '../contract/detection.ts'
import type { DevicePlatform } from './platforms.ts'

type RuleType = Detection['type']
type Interpreter = Extract<Detection, { type: 'script' }>['interpreter']

/** In the order in which they are offered. */
export const RULE_TYPES: Record<DevicePlatform, readonly RuleType[]> = {
  windows: ['uninstall_entry', 'msi_product', 'file', 'script'],
  linux: ['dpkg', 'rpm', 'file', 'script'],
  macos: ['pkgutil', 'file', 'script'],
}
export const RULE_INTERPRETERS: Record<DevicePlatform, readonly Interpreter[]> = {
  windows: ['powershell', 'cmd'],
  linux: ['sh'],
  macos: ['sh'],
}
/** On Windows from a drive, a share, or a variable that stands for a folder. */
const RULE_PATHS: Record<DevicePlatform, { begins: RegExp; example: string }> = {
  windows: { begins: /^(?:[A-Za-z]:[\\/]|\\\\|%)/, example: 'C:\\… or %ProgramFiles%\\…' },
  linux: { begins: /^\//, example: '/…' },
  macos: { begins: /^\//, example: '/…' },
}

export type ForeignRule = { field: 'type' | 'interpreter' | 'path'; message: string }

/** Why no PC of this platform could answer the rule: the field of the rule that says so, and a clause; null: one could. */
export function foreignRule(rule: Detection | null, platform: DevicePlatform): ForeignRule | null {
  if (rule === null) return null
  if (!RULE_TYPES[platform].includes(rule.type))
    return {
      field: 'type',
      message: `a PC with ${platform} cannot answer the rule ${rule.type}; choose one of ${RULE_TYPES[platform].join(', ')}`,
    }
  if (rule.type === 'script' && !RULE_INTERPRETERS[platform].includes(rule.interpreter))
    return {
      field: 'interpreter',
      message: `a PC with ${platform} does not run the rule script by ${rule.interpreter}; choose ${RULE_INTERPRETERS[platform].join(' or ')}`,
    }
  const { begins, example } = RULE_PATHS[platform]
  if (rule.type === 'file' && !begins.test(rule.path))
    return {
      field: 'path',
      message: `the path of the rule file is none of a PC with ${platform}; it begins like ${example}`,
    }
  return null
}
