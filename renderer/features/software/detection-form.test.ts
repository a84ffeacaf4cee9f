import { describe, expect, it } from 'vitest'
import type { Detection } from '#shared/contract/detection.ts'
import { DevicePlatform } from '#shared/domain/platforms.ts'
import { foreignRule } from '#shared/domain/rule-platforms.ts'
import {
  checkDetection,
  detectionInterpreters,
  detectionTypes,
  toDetection,
  toDetectionForm,
} from './detection-form.ts'

const rules: (Detection | null)[] = [
  null,
  { type: 'dpkg', name: 'vlc', version: '3.0', operator: 'ge' },
  { type: 'rpm', name: 'vlc', operator: 'ge' },
  { type: 'rpm', name: 'glibc', arch: 'i686', version: '1:2.0-1', operator: 'ge' },
  { type: 'pkgutil', name: 'org.videolan', version: '3', operator: 'eq' },
  { type: 'uninstall_entry', name: 'VLC media player', version: '3.0.21', operator: 'ge' },
  { type: 'msi_product', product_code: '{1234ABCD-12AB-34CD-56EF-1234567890AB}' },
  {
    type: 'msi_product',
    product_code: '{1234ABCD-12AB-34CD-56EF-1234567890AB}',
    version: '1.2.3',
    operator: 'ge',
  },
  { type: 'file', path: 'C:\\a b\\x.exe' },
  { type: 'file', path: '/opt/x', sha256: 'a'.repeat(64), version: '1', operator: 'eq' },
  { type: 'script', interpreter: 'sh', text: 'exit 1\n' },
]

describe('the detection rule as a form', () => {
  it.each(rules)('converts %j to the form and back unchanged', (rule) => {
    expect(toDetection(toDetectionForm(rule, 'linux'))).toEqual(rule)
  })

  it("starts a script with the platform's interpreter", () => {
    expect(toDetectionForm(null, 'windows').detect_interpreter).toBe('powershell')
    expect(toDetectionForm(null, 'macos').detect_interpreter).toBe('sh')
  })

  it('reports which field is invalid', () => {
    const empty = toDetectionForm(null, 'windows')
    const wrong = (detect_type: typeof empty.detect_type, more: Partial<typeof empty> = {}) =>
      Object.keys(checkDetection({ ...empty, detect_type, ...more }, 'windows'))
    expect(wrong('none')).toEqual([])
    expect(wrong('uninstall_entry')).toEqual(['detect_name'])
    expect(wrong('msi_product', { detect_code: '{1}' })).toEqual(['detect_code'])
    expect(wrong('file', { detect_path: 'x.exe' })).toEqual(['detect_path'])
    expect(wrong('file', { detect_path: '%ProgramFiles%\\x.exe', detect_sha256: 'abc' })).toEqual([
      'detect_sha256',
    ])
    expect(wrong('script')).toEqual(['detect_text'])
    expect(wrong('script', { detect_text: 'x'.repeat(20_000) })).toEqual(['detect_text'])
    const path = { ...empty, detect_type: 'file' as const, detect_path: 'C:\\x' }
    expect(Object.keys(checkDetection(path, 'linux'))).toEqual(['detect_path'])
  })

  it('rejects rules that the platform cannot evaluate, by field, like the controller', () => {
    const wrong = (rule: Detection, platform: DevicePlatform) =>
      checkDetection(toDetectionForm(rule, platform), platform)
    for (const platform of DevicePlatform.options)
      for (const rule of rules) {
        const foreign = foreignRule(rule, platform)
        expect(Object.keys(rule ? wrong(rule, platform) : {})).toEqual(
          foreign ? [`detect_${foreign.field}`] : [],
        )
      }
    expect(wrong({ type: 'dpkg', name: 'vlc', operator: 'ge' }, 'windows')).toEqual({
      detect_type: 'Windows does not support this rule. Choose another one.',
    })
  })

  it('offers the rules of the platform, and the current one', () => {
    expect(detectionTypes('linux', 'none')).toEqual(['dpkg', 'rpm', 'file', 'script', 'none'])
    expect(detectionTypes('windows', 'dpkg')[0]).toBe('dpkg')
    expect(detectionInterpreters('linux', 'sh')).toEqual(['sh'])
    expect(detectionInterpreters('windows', 'cmd')).toEqual(['powershell', 'cmd'])
    expect(detectionInterpreters('macos', 'cmd')).toEqual(['cmd', 'sh'])
  })
})
