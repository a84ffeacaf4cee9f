/** Version resources that describe the tool that packed a program, not the program. */
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
