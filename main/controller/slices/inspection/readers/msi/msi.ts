/** Windows Installer packages: what their tables and their summary say. */
import type { Detection } from '#shared/contract/detection.ts'
import type {
  Fact,
  InstallerKnowledge,
  InstallerWarning,
} from '#shared/contract/rest/installer-knowledge.ts'
import type { InstallerArch } from '#shared/domain/platforms.ts'
import { cleanText, unreadable, type PackageFacts } from '../../facts.ts'
import { guess, knowledgeOf, read, usual, warning, withoutEmpty } from '../../knowledge.ts'
import type { Window } from '../window.ts'
import { openCompound, type Compound } from './compound.ts'
import { openDatabase, type MsiDatabase } from './database.ts'
import { neededFiles, neededProperties, UNPACKED } from './needs.ts'
import { scopeOf } from './scope.ts'
import { msiSigner, TAMPERED } from './signature.ts'
import { readSummary, SUMMARY, type Summary } from './summary.ts'

const SUMMARY_LIMIT_BYTES = 64 * 1024
const GUID = /^\{[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}$/
/** Attribute of a component: its files are for 64-bit Windows. */
const IS_64_BIT = 0x100
/** 1641: a restart was initiated. 3010: a restart is required. */
const SUCCESS_CODES = [0, 1641, 3010]
/** Needed properties, or needed files, that warnings list. */
const LISTED_LIMIT = 5

/** What a compound file is, by the class id of its root (learn.microsoft.com/windows/win32/msi, "File Extensions"). */
export const MSI_CLASSES: Readonly<Record<string, 'msi' | 'mst' | 'msp'>> = {
  '84100c0000000000c000000000000046': 'msi',
  '82100c0000000000c000000000000046': 'mst',
  '86100c0000000000c000000000000046': 'msp',
}

export function summaryOf(file: Compound): Summary {
  const stream = file.streams.find(({ name }) => name === '\u0005SummaryInformation')
  return readSummary(stream ? file.read(stream, SUMMARY_LIMIT_BYTES) : Buffer.alloc(0))
}

/** The PCs for a processor in the summary; `any` for a 32-bit package, which runs on all of them. Null: no agent supports it. */
function archOfTemplate(word: string): InstallerArch | null {
  switch (word.toLowerCase()) {
    case 'x64':
    case 'amd64':
      return 'x64'
    case 'arm64':
      return 'arm64'
    case 'intel64':
    case 'arm':
      return null
    default:
      return 'any'
  }
}

/**
 * The summary names the processor, and the components say whether they are 64-bit. Some packages for arm64 are marked as x64 and
 * identified only by their name.
 */
function archFact(
  word: string,
  productName: string,
  { rows }: MsiDatabase,
): Fact<InstallerArch> | null {
  const arch = archOfTemplate(word)
  if (arch === null) return null
  if (arch === 'x64' && /\b(?:arm64|aarch64)\b/i.test(productName))
    return guess('arm64', 'the name of the product')
  const components = rows('Component', ['Attributes'])
  const is64Bit = components.some(
    ({ Attributes }) => typeof Attributes === 'number' && (Attributes & IS_64_BIT) !== 0,
  )
  if (arch === 'x64' && components.length > 0 && !is64Bit)
    return usual(arch, 'the summary; no component is marked as 64-bit')
  const source = is64Bit ? 'the summary and the table Component' : 'the summary'
  return read(arch, source)
}

/** Chrome encodes its version in ProductVersion; the version that it shows is in the comments of the summary. */
function versionFact(text: PropertyText, name: string, summary: Summary): Fact<string> {
  const [first = ''] = summary.text(SUMMARY.comments).split(/\s/, 1)
  return /^Google Chrome\b/.test(name) && /^\d+(?:\.\d+){3}$/.test(first)
    ? read(first, 'the comments in the summary')
    : read(text('ProductVersion', 100), PROPERTIES)
}

const PROPERTIES = 'the table Property'
/** The value of a property, to show to people. Empty: not set. */
type PropertyText = (name: string, maxLength: number) => string

const shortText = (text: string): string => cleanText(text, 100)

function warningsOf(database: MsiDatabase, wordCount: number | null): InstallerWarning[] {
  const warnings = neededProperties(database)
    .slice(0, LISTED_LIMIT)
    .map(({ name, condition, message }) =>
      warning(
        'needs_property',
        `Without the property ${shortText(name)} the installation ends with code 1603${
          message === '' ? '' : ` ("${shortText(message)}")`
        }, because its launch condition is "${shortText(condition)}". Add ${shortText(name)}=… to the arguments.`,
      ),
    )
  const files = neededFiles(database, wordCount)
  const [first] = files
  if (first === undefined) return warnings
  const text =
    first === UNPACKED
      ? 'The files to install are not in this package but in its folder. Pack the whole folder into one archive.'
      : `The package needs ${files.slice(0, LISTED_LIMIT).map(shortText).join(', ')} in the same folder. Pack all of them into one archive.`
  return [...warnings, warning('needs_files', text)]
}

/** @throws AppError E_PACKAGE_UNREADABLE when its tables are damaged, or name no product */
function msiFacts(
  file: Compound,
  window: Window,
): PackageFacts & { knowledge: InstallerKnowledge } {
  const database = openDatabase(file)
  const { properties } = database
  const text: PropertyText = (name, maxLength) => cleanText(properties.get(name) ?? '', maxLength)
  const productCode = text('ProductCode', 64)
  const upgradeCode = text('UpgradeCode', 64)
  const name = text('ProductName', 200)
  if (name === '' || !GUID.test(productCode))
    throw unreadable('its table Property names no product')
  const summary = summaryOf(file)
  const wordCount = summary.number(SUMMARY.wordCount)
  const archWord = cleanText(summary.text(SUMMARY.template).split(/[;,]/, 1)[0]!, 64)
  const { scope, source, perUserWarning } = scopeOf(database, wordCount)
  const version = text('ProductVersion', 100)
  // A small update keeps the product code, so the code alone does not show that this version is installed.
  const orNewer = /^\d/.test(version) ? { version, operator: 'ge' as const } : {}
  const detection: Detection = { type: 'msi_product', product_code: productCode, ...orNewer }
  const arch = archFact(archWord, name, database)
  const signer = msiSigner(file, window)
  const shownVersion = versionFact(text, name, summary)
  return {
    name,
    version: shownVersion.value,
    publisher: text('Manufacturer', 200),
    platform: 'windows',
    arch: arch?.value ?? null,
    archWord,
    detection,
    knowledge: knowledgeOf('msi', {
      complete: true,
      scope,
      signer,
      facts: withoutEmpty({
        name: read(name, PROPERTIES),
        version: shownVersion,
        publisher: read(text('Manufacturer', 200), PROPERTIES),
        ...(arch ? { arch } : {}),
        install_args: perUserWarning
          ? usual('/qn /norestart ALLUSERS=1', source)
          : usual('/qn /norestart', 'Windows Installer'),
        uninstall: read(`msiexec /x ${productCode} /qn /norestart`, 'its product code'),
        success_exit_codes: usual(SUCCESS_CODES, 'Windows Installer'),
        detection: read(detection, 'its product code'),
        ...(GUID.test(upgradeCode)
          ? {
              upgrade_of: read<Detection>(
                { type: 'upgrade_code', upgrade_code: upgradeCode, ...orNewer },
                'its upgrade code',
              ),
            }
          : {}),
      }),
      warnings: [
        ...(signer.state === 'tampered' ? [TAMPERED] : []),
        ...(perUserWarning ? [perUserWarning] : []),
        ...warningsOf(database, wordCount),
      ],
    }),
  }
}

const NOT_A_PACKAGE = {
  mst: 'it is a transform (.mst), which only changes a package. Pass it to the package with TRANSFORMS=',
  msp: 'it is a patch (.msp) for an installed product. Rename it to .msp',
} as const

/** @throws AppError E_PACKAGE_UNREADABLE when it is damaged, cut off, or not a package */
export function readMsi(window: Window): PackageFacts {
  const file = openCompound(window)
  const what = MSI_CLASSES[file.root.classId]
  if (what === 'mst' || what === 'msp') throw unreadable(NOT_A_PACKAGE[what])
  return msiFacts(file, window)
}
