/** The detection rule as form fields. Pure. */
import { Detection } from '#shared/contract/detection.ts'
import type { DevicePlatform } from '#shared/domain/platforms.ts'
import {
  foreignRule,
  RULE_INTERPRETERS,
  RULE_TYPES,
  type ForeignRule,
} from '#shared/domain/rule-platforms.ts'
import { PLATFORM_NAME } from '../../ui/lib/platforms.ts'
import { t } from './texts.ts'

export type DetectionType = Detection['type'] | 'none'

/** Flat, so that each field can be merged separately. Fields that a type does not use keep their content. */
export type DetectionForm = {
  detect_type: DetectionType
  detect_name: string
  detect_arch: string
  detect_version: string
  detect_operator: 'ge' | 'eq'
  detect_code: string
  /** Under Uninstall, or of a registry value. */
  detect_key: string
  detect_hive: 'machine' | 'user'
  detect_data: string
  detect_path: string
  detect_sha256: string
  detect_interpreter: 'sh' | 'powershell' | 'cmd'
  detect_text: string
}
export type DetectionErrors = Partial<Record<keyof DetectionForm, string>>

/** Rule types that this platform can evaluate, and the current one. */
export const detectionTypes = (
  platform: DevicePlatform,
  present: DetectionType,
): readonly DetectionType[] => {
  const own: readonly DetectionType[] = [...RULE_TYPES[platform], 'none']
  return own.includes(present) ? own : [present, ...own]
}

type Interpreter = DetectionForm['detect_interpreter']
/** Script interpreters of this platform, and the current one. */
export const detectionInterpreters = (
  platform: DevicePlatform,
  present: Interpreter,
): readonly Interpreter[] => {
  const own = RULE_INTERPRETERS[platform]
  return own.includes(present) ? own : [present, ...own]
}

export const DETECTION_NAME: Record<DetectionType, string> = {
  uninstall_entry: t('types.uninstallEntry'),
  uninstall_key: t('types.uninstallKey'),
  upgrade_code: t('types.upgradeCode'),
  registry_value: t('types.registryValue'),
  msix: t('types.msix'),
  msi_product: t('types.msiProduct'),
  dpkg: t('types.dpkg'),
  rpm: t('types.rpm'),
  pkgutil: t('types.pkgutil'),
  file: t('types.file'),
  script: t('types.script'),
  none: t('types.none'),
}
/** The label of the name field, for rule types that have one. */
export const NAME_LABEL: Partial<Record<DetectionType, { label: string; help: string }>> = {
  uninstall_entry: {
    label: t('detection.uninstallEntryLabel'),
    help: t('detection.uninstallEntryHelp'),
  },
  registry_value: {
    label: t('detection.valueName'),
    help: t('detection.valueNameHelp'),
  },
  msix: { label: t('detection.msixLabel'), help: t('detection.msixHelp') },
  dpkg: { label: t('detection.dpkgLabel'), help: t('detection.dpkgHelp') },
  rpm: { label: t('detection.rpmLabel'), help: t('detection.rpmHelp') },
  pkgutil: { label: t('detection.pkgutilLabel'), help: t('detection.pkgutilHelp') },
}
export const hasVersion = (type: DetectionType): boolean => VERSIONED.includes(type)
/** The label of the field for a registry key, for rule types that have one. */
export const KEY_LABEL: Partial<
  Record<DetectionType, { label: string; help: string; placeholder: string }>
> = {
  uninstall_key: {
    label: t('detection.keyName'),
    help: t('detection.keyNameHelp'),
    placeholder: t('detection.keyNameExample'),
  },
  registry_value: {
    label: t('detection.keyPath'),
    help: t('detection.keyPathHelp'),
    placeholder: 'HKLM\\SOFTWARE\\…',
  },
}
/** The label of the field for a code of Windows Installer. */
export const CODE_LABEL: Partial<Record<DetectionType, { label: string; help: string }>> = {
  msi_product: { label: t('detection.productCode'), help: t('detection.productCodeHelp') },
  upgrade_code: { label: t('detection.upgradeCode'), help: t('detection.upgradeCodeHelp') },
}
const VERSIONED: readonly DetectionType[] = [
  'uninstall_entry',
  'uninstall_key',
  'msi_product',
  'upgrade_code',
  'registry_value',
  'msix',
  'dpkg',
  'rpm',
  'pkgutil',
  'file',
]
/** Placeholder for the architecture, for packages that have one. */
export const ARCH_PLACEHOLDER: Partial<Record<DetectionType, string>> = {
  dpkg: t('detection.dpkgArch'),
  rpm: t('detection.rpmArch'),
}

export const toDetectionForm = (
  rule: Detection | null,
  platform: DevicePlatform,
): DetectionForm => ({
  detect_type: rule?.type ?? 'none',
  detect_name: rule && 'name' in rule ? rule.name : '',
  detect_arch: (rule && 'arch' in rule && rule.arch) || '',
  detect_version: (rule && 'version' in rule && rule.version) || '',
  detect_operator: (rule && 'operator' in rule && rule.operator) || 'ge',
  detect_code:
    rule?.type === 'msi_product'
      ? rule.product_code
      : rule?.type === 'upgrade_code'
        ? rule.upgrade_code
        : '',
  detect_key: rule && 'key' in rule ? rule.key : '',
  detect_hive: rule?.type === 'uninstall_key' ? rule.hive : 'machine',
  detect_data: (rule?.type === 'registry_value' && rule.data) || '',
  detect_path: rule?.type === 'file' ? rule.path : '',
  detect_sha256: (rule?.type === 'file' && rule.sha256) || '',
  detect_interpreter:
    rule?.type === 'script' ? rule.interpreter : platform === 'windows' ? 'powershell' : 'sh',
  detect_text: rule?.type === 'script' ? rule.text : '',
})

/** The rule from the fields, not yet validated; null: no rule. */
function ruleOf(form: DetectionForm): unknown {
  const type = form.detect_type
  const version = form.detect_version.trim()
  const versioned = { ...(version === '' ? {} : { version }), operator: form.detect_operator }
  switch (type) {
    case 'none':
      return null
    case 'dpkg':
    case 'rpm': {
      const arch = form.detect_arch.trim()
      return {
        type,
        name: form.detect_name.trim(),
        ...(arch === '' ? {} : { arch }),
        ...versioned,
      }
    }
    case 'pkgutil':
    case 'msix':
    case 'uninstall_entry':
      return { type, name: form.detect_name.trim(), ...versioned }
    case 'msi_product':
      return {
        type,
        product_code: form.detect_code.trim(),
        ...(version === '' ? {} : versioned),
      }
    case 'uninstall_key':
      return { type, key: form.detect_key.trim(), hive: form.detect_hive, ...versioned }
    case 'upgrade_code':
      return {
        type,
        upgrade_code: form.detect_code.trim(),
        ...(version === '' ? {} : versioned),
      }
    case 'registry_value': {
      const data = form.detect_data.trim()
      return {
        type,
        key: form.detect_key.trim(),
        name: form.detect_name.trim(),
        ...(data === '' ? {} : { data }),
        ...(version === '' ? {} : versioned),
      }
    }
    case 'file': {
      const sha256 = form.detect_sha256.trim().toLowerCase()
      return {
        type,
        path: form.detect_path.trim(),
        ...(sha256 === '' ? {} : { sha256 }),
        ...(version === '' ? {} : versioned),
      }
    }
    case 'script':
      return { type, interpreter: form.detect_interpreter, text: form.detect_text }
  }
}

/** The rule; null: none. Requires that `checkDetection` found no errors. */
export const toDetection = (form: DetectionForm): Detection | null =>
  Detection.nullable().parse(ruleOf(form))

const FIELDS: Record<string, { field: keyof DetectionForm; message: string }> = {
  name: { field: 'detect_name', message: t('detection.nameMissing') },
  arch: { field: 'detect_arch', message: t('detection.archWrong') },
  version: { field: 'detect_version', message: t('detection.versionLong') },
  product_code: {
    field: 'detect_code',
    message: t('detection.productCodeWrong'),
  },
  upgrade_code: { field: 'detect_code', message: t('detection.productCodeWrong') },
  key: { field: 'detect_key', message: t('detection.keyWrong') },
  path: { field: 'detect_path', message: t('detection.pathMissing') },
  sha256: { field: 'detect_sha256', message: t('detection.sha256Wrong') },
  text: { field: 'detect_text', message: t('detection.scriptWrong') },
}

/** Whether the fields are a valid rule, on any platform. */
export const isRule = (form: DetectionForm): boolean =>
  Detection.nullable().safeParse(ruleOf(form)).success

/** Translates a problem found by `foreignRule` into a form field and a message. */
function foreignField(
  { field }: ForeignRule,
  platform: DevicePlatform,
): { field: keyof DetectionForm; message: string } {
  switch (field) {
    case 'type':
      return {
        field: 'detect_type',
        message: t('detection.wrongType', { platform: PLATFORM_NAME[platform] }),
      }
    case 'interpreter':
      return {
        field: 'detect_interpreter',
        message: t('detection.wrongInterpreter', { platform: PLATFORM_NAME[platform] }),
      }
    case 'path':
      return {
        field: 'detect_path',
        message:
          platform === 'windows' ? t('detection.wrongWindowsPath') : t('detection.wrongPath'),
      }
  }
}

/** Errors by field. */
export function checkDetection(form: DetectionForm, platform: DevicePlatform): DetectionErrors {
  const errors: DetectionErrors = {}
  const parsed = Detection.nullable().safeParse(ruleOf(form))
  for (const issue of parsed.error?.issues ?? []) {
    const known = FIELDS[String(issue.path[0])]
    if (known) errors[known.field] = known.message
  }
  const rule = parsed.success ? parsed.data : null
  const foreign = foreignRule(rule, platform)
  if (foreign) {
    const { field, message } = foreignField(foreign, platform)
    errors[field] = message
  }
  return errors
}
