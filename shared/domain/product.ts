/** Which library entries are versions of one product. Pure. */
import type { Detection } from '../contract/detection.ts'
import type { InstallerKnowledge } from '../contract/rest/installer-knowledge.ts'
import type { SoftwareId } from './ids.ts'

type Known = {
  detection: Detection | null
  knowledge?: InstallerKnowledge | null | undefined
}

/** What stays the same in every version; null: the rule identifies one version, or has only a display name. */
function identityOf(rule: Detection): string | null {
  switch (rule.type) {
    case 'upgrade_code':
      return `upgrade_code:${rule.upgrade_code.toLowerCase()}`
    case 'uninstall_key':
      return `uninstall_key:${rule.key.toLowerCase()}`
    case 'dpkg':
    case 'rpm':
    case 'pkgutil':
    case 'msix':
      return `${rule.type}:${rule.name.toLowerCase()}`
    case 'msi_product':
    case 'uninstall_entry':
    case 'registry_value':
    case 'file':
    case 'script':
      return null
  }
}

/**
 * The same for all versions of one product. Display names and product codes change between versions, so only stable identities
 * count; an entry without one is a product of its own.
 */
export function productId(id: SoftwareId, installers: readonly Known[]): string {
  for (const { knowledge, detection } of installers) {
    const { upgrade_of: family, detection: read } = knowledge?.facts ?? {}
    const rules = [
      family && family.level !== 'guess' ? family.value : null,
      read && read.level !== 'guess' ? read.value : null,
      detection,
    ]
    for (const rule of rules) {
      const identity = rule ? identityOf(rule) : null
      if (identity !== null) return identity
    }
  }
  return `software:${id}`
}
