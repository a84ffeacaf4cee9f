/**
 * What a package needs beside its own file to install silently: properties that its launch conditions ask for
 * (learn.microsoft.com/windows/win32/msi, "LaunchCondition Table"), and files that lie beside it ("Media Table").
 */
import type { MsiDatabase } from './database.ts'
import { evaluate, propertiesIn } from './condition.ts'

/** Public properties that Windows Installer sets itself ("Property Reference"). */
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
const IS_PUBLIC = /^[A-Z_][A-Z0-9_.]*$/
/** Bits of the type of a custom action: what it is, without its options. */
const ACTION_KIND = 0x3f
const SETS_PROPERTY = 51
const SETS_FOLDER = 35
const IS_COMPRESSED = 2
const DEFAULT_SEQUENCE = 100

const textOf = (value: string | number | null | undefined): string =>
  typeof value === 'string' ? value : ''
const numberOf = (value: string | number | null | undefined): number =>
  typeof value === 'number' ? value : 0

export type NeededProperty = { name: string; condition: string; message: string }

/** Public properties without which a launch condition fails on every PC. */
export function neededProperties({ rows, properties }: MsiDatabase): NeededProperty[] {
  const conditions = rows('LaunchCondition', ['Condition', 'Description'])
  if (conditions.length === 0) return []
  const actions = new Map(
    rows('CustomAction', ['Action', 'Type', 'Source']).map((row) => [textOf(row['Action']), row]),
  )
  const steps = rows('InstallExecuteSequence', ['Action', 'Sequence'])
  const at = (action: string): number | undefined => {
    const found = steps.find((row) => row['Action'] === action)
    return found ? numberOf(found['Sequence']) : undefined
  }
  const checkedAt = at('LaunchConditions') ?? DEFAULT_SEQUENCE
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
    const kind = numberOf(action['Type']) & ACTION_KIND
    // Code that runs before may set any property.
    if (kind !== SETS_PROPERTY && kind !== SETS_FOLDER) return []
    setByPackage.add(textOf(action['Source']))
  }

  const isWanted = (name: string): boolean =>
    IS_PUBLIC.test(name) &&
    (properties.get(name) ?? '') === '' &&
    !SYSTEM_PROPERTIES.has(name) &&
    !setByPackage.has(name)
  const valueOf = (name: string): string | undefined => {
    if (name === 'Installed') return ''
    if (isWanted(name)) return ''
    return SYSTEM_PROPERTIES.has(name) || setByPackage.has(name) ? undefined : properties.get(name)
  }
  const needed = new Map<string, NeededProperty>()
  for (const row of conditions) {
    const condition = textOf(row['Condition'])
    if (evaluate(condition, valueOf) !== false) continue
    for (const name of propertiesIn(condition).filter(isWanted)) {
      // Its value is unknown, but with any value the condition may hold.
      const mayHold = evaluate(condition, (other) => (other === name ? undefined : valueOf(other)))
      const message = textOf(row['Description'])
      if (mayHold !== false && !needed.has(name)) needed.set(name, { name, condition, message })
    }
  }
  return [...needed.values()]
}

/** Instead of a cabinet's name: the package has no cabinets, and its files lie beside it unpacked. */
export const UNPACKED = ''

/**
 * Names of cabinets that lie beside the package, or UNPACKED.
 * @param wordCount the flags in the summary's property of this name, or null
 */
export function neededFiles({ rows }: MsiDatabase, wordCount: number | null): string[] {
  if (rows('File', ['File']).length === 0) return []
  const media = rows('Media', ['Cabinet'])
  const cabinets = media.map((row) => textOf(row['Cabinet']))
  // `#` marks a cabinet within the package.
  const beside = cabinets.filter((name) => name !== '' && !name.startsWith('#'))
  const isPacked = ((wordCount ?? 0) & IS_COMPRESSED) !== 0
  if (beside.length === 0 && !isPacked && cabinets.every((name) => name === '')) return [UNPACKED]
  return beside
}

/** How the package itself sets ALLUSERS: `always`, or under a condition; null: it does not. */
export function setsAllUsers({ rows }: MsiDatabase): { always: boolean; value: string } | null {
  const actions = new Map(
    rows('CustomAction', ['Action', 'Type', 'Source', 'Target']).map((row) => [
      textOf(row['Action']),
      row,
    ]),
  )
  for (const step of rows('InstallExecuteSequence', ['Action', 'Condition'])) {
    const action = actions.get(textOf(step['Action']))
    if (!action || (numberOf(action['Type']) & ACTION_KIND) !== SETS_PROPERTY) continue
    if (action['Source'] !== 'ALLUSERS') continue
    const condition = textOf(step['Condition'])
    return { always: condition === '', value: textOf(action['Target']) }
  }
  return null
}
