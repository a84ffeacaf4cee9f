import { describe, expect, it } from 'vitest'
import type { Detection } from '../contract/detection.ts'
import type { InstallerKnowledge } from '../contract/rest/installer-knowledge.ts'
import { SoftwareId } from './ids.ts'
import { productId } from './product.ts'

const knowledge = (facts: InstallerKnowledge['facts']): InstallerKnowledge => ({
  technology: null,
  is_installer: true,
  complete: null,
  scope: null,
  signer: null,
  facts,
  warnings: [],
})
const fact = <T>(value: T, level: 'read' | 'guess' = 'read') => ({ value, level, source: 'test' })
const product = (code: string): Detection => ({ type: 'msi_product', product_code: `{${code}}` })
const family = (code: string): Detection => ({ type: 'upgrade_code', upgrade_code: `{${code}}` })
const idOf = (id: number, facts: InstallerKnowledge['facts'], detection: Detection | null = null) =>
  productId(SoftwareId.parse(id), [{ detection, knowledge: knowledge(facts) }])

describe('the product of a library entry', () => {
  it('is the same for versions with one upgrade code and several product codes', () => {
    const first = idOf(1, { detection: fact(product('A')), upgrade_of: fact(family('u')) })
    const second = idOf(2, { detection: fact(product('B')), upgrade_of: fact(family('U')) })
    expect(first).toBe('upgrade_code:{u}')
    expect(second).toBe(first)
  })

  it.each<Detection>([
    { type: 'dpkg', name: 'probe', version: '1', operator: 'ge' },
    { type: 'uninstall_key', key: 'Probe_is1', hive: 'machine', operator: 'ge' },
    { type: 'msix', name: 'Probe_abc', operator: 'ge' },
  ])('is the stable part of the rule %j', (rule) => {
    expect(idOf(1, { detection: fact(rule) })).toBe(idOf(2, {}, rule))
    expect(idOf(1, { detection: fact(rule) })).not.toContain('software:')
  })

  it('is its own when only names or versions are known, or guesses', () => {
    const named: Detection = { type: 'uninstall_entry', name: 'Probe', operator: 'ge' }
    expect(idOf(7, {}, named)).toBe('software:7')
    expect(idOf(7, {}, product('A'))).toBe('software:7')
    expect(idOf(7, { upgrade_of: fact(family('u'), 'guess') })).toBe('software:7')
    expect(productId(SoftwareId.parse(7), [])).toBe('software:7')
  })
})
