/** Which detection rules the PCs of a platform can check. Pure: used by the console's form and the controller. */
import type { Detection } from '../contract/detection.ts'
import type { DevicePlatform } from './platforms.ts'

type RuleType = Detection['type']
type Interpreter = Extract<Detection, { type: 'script' }>['interpreter']

/** In the order in which the form offers them. `msix` is missing: no agent evaluates it yet. */
export const RULE_TYPES: Record<DevicePlatform, readonly RuleType[]> = {
  windows: [
    'uninstall_entry',
    'uninstall_key',
    'msi_product',
    'upgrade_code',
    'registry_value',
    'file',
    'script',
  ],
  linux: ['dpkg', 'rpm', 'file', 'script'],
  macos: ['pkgutil', 'file', 'script'],
}
export const RULE_INTERPRETERS: Record<DevicePlatform, readonly Interpreter[]> = {
  windows: ['powershell', 'cmd'],
  linux: ['sh'],
  macos: ['sh'],
}
/** On Windows a path starts with a drive, a share, or a variable. */
const RULE_PATHS: Record<DevicePlatform, { begins: RegExp; example: string }> = {
  windows: { begins: /^(?:[A-Za-z]:[\\/]|\\\\|%)/, example: 'C:\\… or %ProgramFiles%\\…' },
  linux: { begins: /^\//, example: '/…' },
  macos: { begins: /^\//, example: '/…' },
}

export type ForeignRule = { field: 'type' | 'interpreter' | 'path'; message: string }

/** Why no PC of this platform can check the rule: the field at fault and a clause; null: a PC can. */
export function foreignRule(rule: Detection | null, platform: DevicePlatform): ForeignRule | null {
  if (rule === null) return null
  if (!RULE_TYPES[platform].includes(rule.type))
    return {
      field: 'type',
      message: `a PC with ${platform} cannot evaluate the rule ${rule.type}; choose one of ${RULE_TYPES[platform].join(', ')}`,
    }
  if (rule.type === 'script' && !RULE_INTERPRETERS[platform].includes(rule.interpreter))
    return {
      field: 'interpreter',
      message: `a PC with ${platform} does not run the rule script with ${rule.interpreter}; choose ${RULE_INTERPRETERS[platform].join(' or ')}`,
    }
  const { begins, example } = RULE_PATHS[platform]
  if (rule.type === 'file' && !begins.test(rule.path))
    return {
      field: 'path',
      message: `the path of the rule file is not valid on a PC with ${platform}; it must start like ${example}`,
    }
  return null
}
