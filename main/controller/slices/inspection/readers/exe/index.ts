/** Windows programs: which tool packed them, and what the data of that tool says. Readers with the most reliable marks come first. */
import type { InstallerKnowledge } from '#shared/contract/rest/installer-knowledge.ts'
import { INSTALLER_TECHNOLOGIES } from '#shared/domain/installer-technology.ts'
import { readProgram } from '#shared/domain/portable-executable.ts'
import { unreadable, type PackageFacts } from '../../facts.ts'
import { fieldsOf } from '../../knowledge.ts'
import type { Window } from '../window.ts'
import { readAdvanced, readJpackage } from './advanced.ts'
import { readBurn } from './burn.ts'
import { readInno } from './inno/index.ts'
import { readInstallShield } from './installshield.ts'
import { readNsis } from './nsis/index.ts'
import { plainProgram, withProgramFacts } from './plain.ts'
import { openProgram, type Program } from './program.ts'
import { readIexpress, readRar, readSevenZip } from './self-extractors.ts'
import { signerOf } from './signature.ts'
import { refuseBareStub } from './stub.ts'
import { readVelopack } from './velopack.ts'
import { readSquirrel } from './squirrel.ts'

/** Null: another tool packed it. @throws AppError E_PACKAGE_UNREADABLE when it is truncated or an uninstaller */
export type TechnologyReader = (
  program: Program,
) => InstallerKnowledge | null | Promise<InstallerKnowledge | null>

const TECHNOLOGY_READERS: readonly TechnologyReader[] = [
  readAdvanced,
  readBurn,
  readInno,
  readNsis,
  readSquirrel,
  readVelopack,
  readInstallShield,
  readJpackage,
  readIexpress,
  readSevenZip,
  readRar,
  refuseBareStub,
]

type ExeFacts = Omit<PackageFacts, 'platform' | 'archWord'>

/**
 * All facts are optional: many programs say nothing about themselves.
 * @throws AppError E_PACKAGE_UNREADABLE when Windows could not load it: not a program, or truncated
 */
export async function readExe(window: Window): Promise<ExeFacts> {
  const facts = await readProgram(async (position, length) => window.read(position, length))
  if (!facts || facts.sections.length === 0)
    throw unreadable('it begins like a Windows program, but is not one, or is damaged')
  if (facts.endAt > window.sizeBytes)
    throw unreadable(
      `it is cut off: this Windows program should have at least ${facts.endAt} bytes, but only ${window.sizeBytes} are there`,
    )
  const program = openProgram(window, facts)
  let found: InstallerKnowledge | null = null
  for (const reader of TECHNOLOGY_READERS) found ??= await reader(program)
  const knowledge = withProgramFacts(found ?? plainProgram(program), program, signerOf(program))
  const { technology } = knowledge
  return {
    ...fieldsOf(knowledge),
    arch: knowledge.facts.arch?.value ?? 'any',
    technology:
      technology && Object.hasOwn(INSTALLER_TECHNOLOGIES, technology)
        ? (technology as keyof typeof INSTALLER_TECHNOLOGIES)
        : null,
    knowledge,
  }
}
