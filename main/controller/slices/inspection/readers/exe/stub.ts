/**
 * Recognises the stub: the program that an installer tool puts in front of the packed data. Its resources, manifest and debug record
 * describe the tool, not the product.
 */
import { unreadable } from '../../facts.ts'
import type { Program } from './program.ts'

type Strings = Program['strings']
const matches = (text: string | undefined, ...patterns: RegExp[]): boolean =>
  text !== undefined && patterns.some((pattern) => pattern.test(text.trim()))

const PACKER_PRODUCTS = [
  /^InstallShield/i,
  /^Squirrel-based application$/i,
  /^Setup\/Uninstall$/i,
  /^Advanced Installer/i,
  /^WinRAR/i,
  /^Velopack/i,
  /^WiX Toolset/i,
  /^Windows Installer - Unicode$/i,
]
const PACKER_COMPANIES = [/^(?:Macrovision|Acresso|Flexera|InstallShield)\b/i]

/** Whether these strings describe only the tool that packed the program, not the product. */
export function describesPackerOnly(strings: Strings): boolean {
  const { ProductName, OriginalFilename, InternalName } = strings
  if (matches(ProductName, ...PACKER_PRODUCTS)) return true
  if (matches(ProductName, /^7-Zip$/) && matches(OriginalFilename, /^7z(?:s\w*)?\.sfx/i))
    return true
  if (matches(OriginalFilename, /^wextract\.exe/i) || matches(InternalName, /^wextract/i))
    return true
  return (
    matches(strings.CompanyName, ...PACKER_COMPANIES) &&
    matches(strings.FileDescription, /^(?:setup|installshield)/i)
  )
}

/** Every program that is a part of Windows has this product name. */
const isWindowsName = (name: string | undefined): boolean =>
  matches(name, /^Microsoft® Windows® Operating System$/i)

/** The name of the product. Empty: the strings have none. */
export const productNameIn = ({ ProductName, FileDescription }: Strings): string =>
  (isWindowsName(ProductName) ? FileDescription : ProductName?.trim() || FileDescription) ?? ''

/** The program that Advanced Installer puts in front of a package, by the file name in its debug record. */
export const isAdvancedStub = ({ debugFile }: Program): boolean =>
  /\\stubs\\[^\\]{1,20}\\ExternalUi\.pdb$/i.test(debugFile)
export const isNsisStub = ({ assemblyName }: Program): boolean =>
  /^Nullsoft\.NSIS\.exehead$/i.test(assemblyName)

/** Settings or an archive need at least this much. */
const MIN_DATA_BYTES = 32
const STUBS: readonly (readonly [tool: string, isStub: (program: Program) => boolean])[] = [
  ['NSIS', isNsisStub],
  ['Advanced Installer', isAdvancedStub],
  ['7-Zip', ({ strings }) => matches(strings.OriginalFilename, /^7z(?:s\w*)?\.sfx/i)],
  ['WinRAR', ({ strings }) => matches(strings.ProductName, /^WinRAR self-extracting archive/i)],
]

/** Null: not a stub, or data follows it. @throws AppError E_PACKAGE_UNREADABLE when a stub has no data to unpack */
export function refuseBareStub(program: Program): null {
  if (program.overlay.sizeBytes >= MIN_DATA_BYTES) return null
  const tool = STUBS.find(([, isStub]) => isStub(program))?.[0]
  if (tool !== undefined)
    throw unreadable(
      `it is cut off: it is the self-extracting part of an installer made with ${tool}, and the data after it is missing`,
    )
  return null
}
