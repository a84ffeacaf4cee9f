import { expect, it } from 'vitest'
import { Detection } from '../contract/detection.ts'
import { DevicePlatform } from './platforms.ts'
import { foreignRule, RULE_INTERPRETERS, RULE_TYPES, type ForeignRule } from './rule-platforms.ts'

const PRODUCT = '{1234ABCD-12AB-34CD-56EF-1234567890AB}'
const named = (type: 'dpkg' | 'rpm' | 'pkgutil' | 'uninstall_entry'): Detection => ({
  type,
  name: 'vlc',
  operator: 'ge',
})
const file = (path: string): Detection => ({ type: 'file', path })
const script = (interpreter: 'sh' | 'powershell' | 'cmd'): Detection => ({
  type: 'script',
  interpreter,
  text: 'exit 1',
})
type Field = ForeignRule['field']
/** The field at fault on Windows, Linux and macOS. */
const TABLE: [Detection | null, Field | null, Field | null, Field | null][] = [
  [null, null, null, null],
  [named('dpkg'), 'type', null, 'type'],
  [named('rpm'), 'type', null, 'type'],
  [named('pkgutil'), 'type', 'type', null],
  [named('uninstall_entry'), null, 'type', 'type'],
  [{ type: 'msi_product', product_code: PRODUCT }, null, 'type', 'type'],
  [{ type: 'upgrade_code', upgrade_code: PRODUCT }, null, 'type', 'type'],
  [{ type: 'uninstall_key', key: 'vlc', hive: 'machine', operator: 'ge' }, null, 'type', 'type'],
  [{ type: 'registry_value', key: 'HKLM\\SOFTWARE\\vlc', name: 'Version' }, null, 'type', 'type'],
  // No agent evaluates it yet.
  [{ type: 'msix', name: 'vlc_1', operator: 'ge' }, 'type', 'type', 'type'],
  [script('sh'), 'interpreter', null, null],
  [script('powershell'), null, 'interpreter', 'interpreter'],
  [script('cmd'), null, 'interpreter', 'interpreter'],
  [file('/opt/tool'), 'path', null, null],
  [file('C:\\Tool\\tool.exe'), null, 'path', 'path'],
  [file('d:/tool.exe'), null, 'path', 'path'],
  [file('\\\\server\\share\\tool.exe'), null, 'path', 'path'],
  [file('%ProgramFiles%\\tool.exe'), null, 'path', 'path'],
  [file('tool'), 'path', 'path', 'path'],
]

it.each(TABLE)('refuses %j on Windows, Linux and macOS for %s, %s, %s', (rule, ...expected) => {
  const found = DevicePlatform.options.map((platform) => foreignRule(rule, platform)?.field ?? null)
  expect(found).toEqual(expected)
})

it('names the rule, the platform and the alternatives', () => {
  expect(foreignRule(named('dpkg'), 'windows')!.message).toBe(
    'a PC with windows cannot evaluate the rule dpkg; choose one of uninstall_entry, uninstall_key, msi_product, upgrade_code, registry_value, file, script',
  )
  for (const [rule] of TABLE)
    for (const platform of DevicePlatform.options) {
      const message = foreignRule(rule, platform)?.message
      if (message === undefined) continue
      expect(message).toContain(`PC with ${platform}`)
      expect(message).toContain(`rule ${rule!.type}`)
    }
})

it('covers every rule and interpreter of the contract', () => {
  const types = Detection.options.map((option) => option.shape.type.value)
  expect(new Set([...Object.values(RULE_TYPES).flat(), 'msix'])).toEqual(new Set(types))
  expect(new Set(TABLE.map(([rule]) => rule?.type ?? 'none'))).toEqual(new Set(['none', ...types]))
  const interpreters = Detection.options.flatMap((option) =>
    'interpreter' in option.shape ? option.shape.interpreter.options : [],
  )
  expect(new Set(Object.values(RULE_INTERPRETERS).flat())).toEqual(new Set(interpreters))
})
