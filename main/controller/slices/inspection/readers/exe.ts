/** Windows programs: what their version resource says, and which tool made the installer. */
import type { InstallerTechnology } from '#shared/domain/installer-technology.ts'
import type { InstallerArch } from '#shared/domain/platforms.ts'
import { readProgram, type ProgramFacts } from '#shared/domain/portable-executable.ts'
import { cleanText, unreadable } from '../facts.ts'
import type { Window } from './window.ts'

/** The tools leave their marks at the beginning of the program, or where the data appended to it begins. */
const LOOK_BYTES = 2 * 1024 * 1024

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
const wide = (text: string): Buffer => Buffer.from(text, 'utf16le')

const NSIS = bytes('\xef\xbe\xad\xdeNullsoftInst')
const INNO = [bytes('Inno Setup Setup Data ('), bytes('rDlPtS'), bytes('JR.Inno.Setup')]
const SEVENZIP = bytes(';!@Install@!UTF-8!')
const INSTALLSHIELD = [bytes('ISSetupStream'), wide('InstallShield'), bytes('InstallShield')]
const SQUIRREL = [wide('SquirrelTemp'), bytes('SquirrelTemp')]

/** Null: made with another tool, or not an installer. */
function technologyOf(
  program: ProgramFacts,
  head: Buffer,
  overlay: Buffer,
): InstallerTechnology | null {
  const has = (...marks: Buffer[]): boolean =>
    marks.some((mark) => head.includes(mark) || overlay.includes(mark))
  if (program.sectionNames.includes('.wixburn')) return 'burn'
  // Any data may contain the name of another tool: check the more reliable marks first.
  if (overlay.includes(NSIS)) return 'nsis'
  if (has(...INNO)) return 'inno'
  if (overlay.includes(SEVENZIP)) return 'sevenzip'
  if (has(...SQUIRREL)) return 'squirrel'
  return has(...INSTALLSHIELD) ? 'installshield' : null
}

/**
 * Machine word of the COFF header. A 32-bit program runs on every Windows and is often only a wrapper for a 64-bit package: `any`.
 */
const archOf = (machine: number): InstallerArch =>
  (({ 0x8664: 'x64', 0xaa64: 'arm64' }) as const)[machine] ?? 'any'

export type ExeFacts = {
  name: string
  version: string
  publisher: string
  arch: InstallerArch
  technology: InstallerTechnology | null
}

/**
 * All facts are optional: many programs say nothing about themselves.
 * @throws AppError E_PACKAGE_UNREADABLE when Windows could not load it: not a program, or truncated
 */
export async function readExe(window: Window): Promise<ExeFacts> {
  const program = await readProgram(async (position, length) => window.read(position, length))
  if (!program || program.sectionNames.length === 0)
    throw unreadable('it begins like a Windows program, but the rest of it is none, or is damaged')
  if (program.endAt > window.sizeBytes)
    throw unreadable(
      `it is cut off: as a Windows program it has at least ${program.endAt} bytes, ${window.sizeBytes} are there`,
    )
  const { strings } = program
  const text = (name: string, maxLength: number): string =>
    cleanText(strings[name] ?? '', maxLength)
  return {
    name: text('ProductName', 200) || text('FileDescription', 200),
    version:
      text('ProductVersion', 100) || text('FileVersion', 100) || (program.productVersion ?? ''),
    publisher: text('CompanyName', 200),
    arch: archOf(program.machine),
    technology: technologyOf(
      program,
      window.read(0, LOOK_BYTES),
      window.read(program.overlayAt, LOOK_BYTES),
    ),
  }
}
