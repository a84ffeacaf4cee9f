/** Detection rules in words. */
import type { Detection } from '#shared/contract/detection.ts'
import { t } from './texts.ts'

export const INTERPRETER_NAME = {
  sh: t('rule.shell'),
  powershell: 'PowerShell',
  cmd: t('rule.commandPrompt'),
} as const satisfies Record<Extract<Detection, { type: 'script' }>['interpreter'], string>

export function detectionInWords(detection: Detection | null): string | null {
  if (!detection) return null
  switch (detection.type) {
    case 'dpkg':
      return t('rule.debian', { package: packageInWords(detection) })
    case 'rpm':
      return t('rule.rpm', { package: packageInWords(detection) })
    case 'pkgutil':
      return t('rule.macos', { package: withVersion(detection.name, detection) })
    case 'msi_product':
      return t('rule.msi', { product: withVersion(detection.product_code, detection) })
    case 'uninstall_entry':
      return withVersion(t('rule.entry', { name: detection.name }), detection)
    case 'uninstall_key':
      return t(detection.hive === 'user' ? 'rule.userKey' : 'rule.key', {
        key: withVersion(detection.key, detection),
      })
    case 'upgrade_code':
      return t('rule.upgrade', { product: withVersion(detection.upgrade_code, detection) })
    case 'registry_value':
      return t('rule.value', {
        value: withVersion(`${detection.key}\\${detection.name}`, detection),
      })
    case 'msix':
      return t('rule.msix', { package: withVersion(detection.name, detection) })
    case 'file':
      return t(detection.sha256 ? 'rule.fileWithHash' : 'rule.file', {
        file: withVersion(detection.path, detection),
      })
    case 'script':
      return t('rule.script', {
        interpreter: INTERPRETER_NAME[detection.interpreter],
        n: detection.text.trim().split('\n').length,
      })
  }
}

const packageInWords = (detection: Extract<Detection, { type: 'dpkg' | 'rpm' }>): string =>
  withVersion(detection.arch ? `${detection.name} (${detection.arch})` : detection.name, detection)

function withVersion(
  what: string,
  { version, operator }: { version?: string | undefined; operator?: 'eq' | 'ge' | undefined },
): string {
  if (!version) return what
  return t(operator === 'eq' ? 'rule.exactly' : 'rule.orNewer', { what, version })
}
