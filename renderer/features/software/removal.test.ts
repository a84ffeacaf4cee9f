import { describe, expect, it } from 'vitest'
import type { Detection } from '#shared/contract/detection.ts'
import type { InstallerKnowledge } from '#shared/contract/rest/installer-knowledge.ts'
import { toDetectionForm } from './detection-form.ts'
import type { InstallerForm } from './readout.ts'
import { removalOf } from './removal.ts'

const RULE: Detection = {
  type: 'uninstall_key',
  key: 'Probe',
  hive: 'machine',
  version: '2',
  operator: 'ge',
}
const COMMAND = '"%ProgramFiles%\\Probe\\uninstall.exe" /S'
const knowledge: InstallerKnowledge = {
  technology: 'nsis',
  is_installer: true,
  complete: true,
  scope: 'machine',
  signer: null,
  facts: {
    uninstall: { value: COMMAND, level: 'read', source: 'script' },
    detection: { value: RULE, level: 'read', source: 'script' },
  },
  warnings: [],
}
const form = (rule: Detection | null): InstallerForm => ({
  platform: 'windows',
  arch: 'any',
  install_args: '',
  secret_args: [],
  timeout_minutes: '60',
  success_exit_codes: '',
  entry: '',
  uninstall_entry: '',
  ...toDetectionForm(rule, 'windows'),
})

describe('the removal of software', () => {
  it('is the command from the file while the rule finds what the file registers', () => {
    const known = { command: COMMAND, reason: { level: 'read', source: 'script' } }
    expect(removalOf(form(RULE), { knowledge, kind: 'exe' })).toMatchObject(known)
    const anyVersion: Detection = {
      type: 'uninstall_key',
      key: 'PROBE',
      hive: 'machine',
      operator: 'ge',
    }
    expect(removalOf(form(anyVersion), { knowledge, kind: 'exe' })).toMatchObject(known)
    const other: Detection = { ...RULE, key: 'Other' }
    expect(removalOf(form(other), { knowledge, kind: 'exe' })).toEqual({ command: null })
  })

  it('is done by Windows Installer if the rule is a product code', () => {
    const product_code = '{11111111-2222-3333-4444-555555555555}'
    const rule: Detection = { type: 'msi_product', product_code }
    expect(removalOf(form(rule), { knowledge: null, kind: 'msi' })).toEqual({
      command: `msiexec /x ${product_code} /qn /norestart`,
      reason: undefined,
    })
  })

  it('is impossible without a rule that identifies the software', () => {
    expect(removalOf(form(null), { knowledge, kind: 'exe' })).toEqual({
      obstacle: 'removal_needs_windows_rule',
    })
  })

  it('is not shown for a rule that is incomplete, or a file of an archive', () => {
    const incomplete = { ...form(RULE), detect_key: '' }
    expect(removalOf(incomplete, { knowledge, kind: 'exe' })).toBeNull()
    const archive = { ...form(null), entry: 'a.exe', uninstall_entry: 'b.exe' }
    expect(removalOf(archive, { knowledge: null, kind: 'zip' })).toBeNull()
  })
})
