/**
 * What a package needs besides its own file to install silently: properties that its launch conditions require
 * (learn.microsoft.com/windows/win32/msi, "LaunchCondition Table"), and files that lie beside it ("Media Table").
 */
import type { MsiDatabase } from './database.ts'
import { evaluate, propertiesIn } from './condition.ts'

/** Public properties that Windows Installer sets or that control it ("Property Reference"). */
const SYSTEM_PROPERTIES = new Set(
  `ACTION ADDDEFAULT ADDLOCAL ADDSOURCE ADVERTISE AFTERREBOOT ALLUSERS ARPSYSTEMCOMPONENT CCP_DRIVE CLIENTPROCESSID CLIENTUILEVEL
  COMPADDLOCAL COMPADDSOURCE COMPANYNAME CURRENTDIRECTORY DISABLEADVTSHORTCUTS EXECUTEACTION EXECUTEMODE FASTOEM FILEADDDEFAULT
  FILEADDLOCAL FILEADDSOURCE INSTALLLEVEL LIMITUI LOGACTION MEDIAPACKAGEPATH MSIDISABLERMRESTART MSIENFORCEUPGRADECOMPONENTRULES
  MSIFASTINSTALL MSIINSTALLPERUSER MSINEWINSTANCE MSINODISABLEMEDIA MSIPATCHREMOVE MSIRESTARTMANAGERCONTROL
  MSIUNINSTALLSUPERSEDEDCOMPONENTS NOCOMPANYNAME NOUSERNAME ORIGINALDATABASE PATCH PIDKEY PRIMARYFOLDER PRODUCTLANGUAGE PROMPTROLLBACKCOST
  REBOOT REBOOTPROMPT REINSTALL REINSTALLMODE REMOVE RESUME ROOTDRIVE SEQUENCE SHORTFILENAMES SOURCEDIR TARGETDIR TRANSFORMS
  TRANSFORMSATSOURCE TRANSFORMSSECURE UILEVEL UPGRADINGPRODUCTCODE USERNAME USERPROFILE`.split(
    /\s+/,
  ),
)
const PUBLIC_NAME = /^[A-Z_][A-Z0-9_.]*$/
/** The bits of a custom action's type that say what it does; the others are options. */
const ACTION_TYPE_MASK = 0x3f
const SETS_PROPERTY = 51
const SETS_FOLDER = 35
/** In the summary's word count: the files of the package are in cabinets. */
const COMPRESSED_FLAG = 2
/** The recommended position of LaunchConditions. */
const DEFAULT_CHECK_SEQUENCE = 100

const textOf = (value: string | number | null | undefined): string =>
  typeof value === 'string' ? value : ''
const numberOf = (value: string | number | null | undefined): number =>
  typeof value === 'number' ? value : 0

/** `condition`: the launch condition that fails; `message`: what the package shows then. */
export type NeededProperty = { name: string; condition: string; message: string }

/** Public properties that the arguments must set, because otherwise a launch condition fails on every PC. */
export function neededProperties({ rows, properties }: MsiDatabase): NeededProperty[] {
  const conditions = rows('LaunchCondition', ['Condition', 'Description'])
  if (conditions.length === 0) return []
  const actions = new Map(
    rows('CustomAction', ['Action', 'Type', 'Source']).map((row) => [textOf(row['Action']), row]),
  )
  const steps = rows('InstallExecuteSequence', ['Action', 'Sequence'])
  const sequenceOf = (action: string): number | undefined => {
    const found = steps.find((row) => row['Action'] === action)
    return found ? numberOf(found['Sequence']) : undefined
  }
  const checkedAt = sequenceOf('LaunchConditions') ?? DEFAULT_CHECK_SEQUENCE
  const setByPackage = new Set<string>()
  for (const [table, column] of [
    ['AppSearch', 'Property'],
    ['Upgrade', 'ActionProperty'],
    ['Directory', 'Directory'],
  ] as const)
    for (const row of rows(table, [column])) setByPackage.add(textOf(row[column]))
  for (const step of steps) {
    const action = actions.get(textOf(step['Action']))
    if (!action || numberOf(step['Sequence']) >= checkedAt) continue
    const kind = numberOf(action['Type']) & ACTION_TYPE_MASK
    // Another action may run code that sets any property.
    if (kind !== SETS_PROPERTY && kind !== SETS_FOLDER) return []
    setByPackage.add(textOf(action['Source']))
  }

  const isSetByArgumentsOnly = (name: string): boolean =>
    PUBLIC_NAME.test(name) &&
    (properties.get(name) ?? '') === '' &&
    !SYSTEM_PROPERTIES.has(name) &&
    !setByPackage.has(name)
  const valueOf = (name: string): string | undefined => {
    if (name === 'Installed') return ''
    if (isSetByArgumentsOnly(name)) return ''
    return SYSTEM_PROPERTIES.has(name) || setByPackage.has(name) ? undefined : properties.get(name)
  }
  const needed = new Map<string, NeededProperty>()
  for (const row of conditions) {
    const condition = textOf(row['Condition'])
    if (evaluate(condition, valueOf) !== false) continue
    for (const name of propertiesIn(condition).filter(isSetByArgumentsOnly)) {
      // If the condition stays false whatever the value of this property, an argument for it would not help.
      const mayBeTrue = evaluate(condition, (other) =>
        other === name ? undefined : valueOf(other),
      )
      const message = textOf(row['Description'])
      if (mayBeTrue !== false && !needed.has(name)) needed.set(name, { name, condition, message })
    }
  }
  return [...needed.values()]
}

/** Instead of the name of a cabinet: the package has none, and its unpacked files lie beside it. */
export const UNPACKED = ''

/**
 * Names of cabinets that lie beside the package, or UNPACKED.
 * @param wordCount flags from the summary; null: not stated
 */
export function neededFiles({ rows }: MsiDatabase, wordCount: number | null): string[] {
  if (rows('File', ['File']).length === 0) return []
  const media = rows('Media', ['Cabinet'])
  const cabinets = media.map((row) => textOf(row['Cabinet']))
  // `#` marks a cabinet within the package.
  const beside = cabinets.filter((name) => name !== '' && !name.startsWith('#'))
  const isPacked = ((wordCount ?? 0) & COMPRESSED_FLAG) !== 0
  if (beside.length === 0 && !isPacked && cabinets.every((name) => name === '')) return [UNPACKED]
  return beside
}

/** The first action of the package that sets ALLUSERS, and the value. Null: there is none. */
export function allUsersAction({
  rows,
}: MsiDatabase): { isUnconditional: boolean; value: string } | null {
  const actions = new Map(
    rows('CustomAction', ['Action', 'Type', 'Source', 'Target']).map((row) => [
      textOf(row['Action']),
      row,
    ]),
  )
  for (const step of rows('InstallExecuteSequence', ['Action', 'Condition'])) {
    const action = actions.get(textOf(step['Action']))
    if (!action || (numberOf(action['Type']) & ACTION_TYPE_MASK) !== SETS_PROPERTY) continue
    if (action['Source'] !== 'ALLUSERS') continue
    const condition = textOf(step['Condition'])
    return { isUnconditional: condition === '', value: textOf(action['Target']) }
  }
  return null
}
