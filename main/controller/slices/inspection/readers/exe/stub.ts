/** Parts of a program that describe the tool that packed it, not the product: its resources, its manifest, its debug record. */
import { unreadable } from '../../facts.ts'
import type { Program } from './program.ts'

type Strings = Program['strings']
const is = (text: string | undefined, ...words: RegExp[]): boolean =>
  text !== undefined && words.some((word) => word.test(text.trim()))

const PACKERS = [
  /^InstallShield/i,
  /^Squirrel-based application$/i,
  /^Setup\/Uninstall$/i,
  /^Advanced Installer/i,
  /^WinRAR/i,
  /^Velopack/i,
  /^WiX Toolset/i,
  /^Windows Installer - Unicode$/i,
]
const PACKING_COMPANIES = [/^(?:Macrovision|Acresso|Flexera|InstallShield)\b/i]

/** Whether nothing in it says anything about the product. */
export function isOfThePacker(strings: Strings): boolean {
  const { ProductName, OriginalFilename, InternalName } = strings
  if (is(ProductName, ...PACKERS)) return true
  if (is(ProductName, /^7-Zip$/) && is(OriginalFilename, /^7z(?:s\w*)?\.sfx/i)) return true
  if (is(OriginalFilename, /^wextract\.exe/i) || is(InternalName, /^wextract/i)) return true
  return (
    is(strings.CompanyName, ...PACKING_COMPANIES) &&
    is(strings.FileDescription, /^(?:setup|installshield)/i)
  )
}

/** Programs of Windows itself all have this name. */
const isOfWindows = (name: string | undefined): boolean =>
  is(name, /^Microsoft® Windows® Operating System$/i)

export const productNameIn = ({ ProductName, FileDescription }: Strings): string =>
  (isOfWindows(ProductName) ? FileDescription : ProductName?.trim() || FileDescription) ?? ''

/** The program that Advanced Installer puts in front of a package, by the file name in its debug record. */
export const isAdvancedStub = ({ debugFile }: Program): boolean =>
  /\\stubs\\[^\\]{1,20}\\ExternalUi\.pdb$/i.test(debugFile)
export const isNsisStub = ({ manifest }: Program): boolean =>
  /^Nullsoft\.NSIS\.exehead$/i.test(manifest.name)

/** No settings and no archive are smaller. */
const SMALLEST_BYTES = 32
const STUBS: readonly (readonly [tool: string, isStub: (program: Program) => boolean])[] = [
  ['NSIS', isNsisStub],
  ['Advanced Installer', isAdvancedStub],
  ['7-Zip', ({ strings }) => is(strings.OriginalFilename, /^7z(?:s\w*)?\.sfx/i)],
  ['WinRAR', ({ strings }) => is(strings.ProductName, /^WinRAR self-extracting archive/i)],
]

/** @throws AppError E_PACKAGE_UNREADABLE for a program whose only purpose is to unpack data that are not in the file */
export function refuseStubAlone(program: Program): null {
  if (program.overlay.sizeBytes >= SMALLEST_BYTES) return null
  const tool = STUBS.find(([, isStub]) => isStub(program))?.[0]
  if (tool !== undefined)
    throw unreadable(
      `it is cut off: it is the self-extracting part of an installer made with ${tool}, and the data after it is missing`,
    )
  return null
}
