/** Detection rules in words. */
import type { Detection } from '#shared/contract/detection.ts'

export const INTERPRETER_NAME = {
  sh: 'shell',
  powershell: 'PowerShell',
  cmd: 'Command Prompt',
} as const satisfies Record<Extract<Detection, { type: 'script' }>['interpreter'], string>

export function detectionInWords(detection: Detection | null): string | null {
  if (!detection) return null
  switch (detection.type) {
    case 'dpkg':
      return `Debian package ${packageInWords(detection)}`
    case 'rpm':
      return `RPM package ${packageInWords(detection)}`
    case 'pkgutil':
      return `macOS package ${detection.name}${versionInWords(detection)}`
    case 'msi_product':
      return `Windows Installer product ${detection.product_code}${versionInWords(detection)}`
    case 'uninstall_entry':
      return `entry “${detection.name}” in the list of installed programs${versionInWords(detection)}`
    case 'file':
      return `file ${detection.path}${versionInWords(detection)}${detection.sha256 ? ', of one content' : ''}`
    case 'script':
      return `a script (${INTERPRETER_NAME[detection.interpreter]}, ${detection.text.trim().split('\n').length} lines)`
  }
}

const packageInWords = (detection: Extract<Detection, { type: 'dpkg' | 'rpm' }>): string =>
  `${detection.name}${detection.arch ? ` (${detection.arch})` : ''}${versionInWords(detection)}`

function versionInWords(detection: {
  version?: string | undefined
  operator?: 'eq' | 'ge' | undefined
}): string {
  if (!detection.version) return ''
  return `, version ${detection.version}${detection.operator === 'eq' ? '' : ' or newer'}`
}
