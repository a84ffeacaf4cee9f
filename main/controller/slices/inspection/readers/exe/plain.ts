/** What the version resource and the signature of a program say. For one that no known tool packed, there is nothing else. */
import type {
  InstallerFacts,
  InstallerKnowledge,
  InstallerSigner,
} from '#shared/contract/rest/installer-knowledge.ts'
import type { InstallerArch } from '#shared/domain/platforms.ts'
import { cleanText } from '../../facts.ts'
import { guess, knowledgeOf, read, warning, withoutEmpty } from '../../knowledge.ts'
import type { Program } from './program.ts'
import { describesPackerOnly, productNameIn } from './stub.ts'

const MACHINES: Readonly<Record<number, InstallerArch>> = { 0x8664: 'x64', 0xaa64: 'arm64' }
/** `any` for a 32-bit program, which runs on every PC, and for .NET code for any processor. */
export const archOfProgram = (program: Program): InstallerArch =>
  MACHINES[program.facts.machine] ?? 'any'

const RESOURCE = 'version resource'
const isUnset = (version: string | null): boolean => version === null || /^0(?:\.0)*$/.test(version)
const isVersion = (text: string): boolean =>
  /\d/.test(text) && !isUnset(text.replaceAll(/,\s*/g, '.'))

/** Name, version and publisher. Without facts if the resource describes the tool that packed the program. */
export function resourceFacts(program: Program): InstallerFacts {
  const { strings, facts } = program
  if (describesPackerOnly(strings)) return {}
  const text = (key: string, maxLength: number): string => cleanText(strings[key] ?? '', maxLength)
  const fixed = [facts.productVersion, facts.fileVersion].find((version) => !isUnset(version))
  const version = [text('ProductVersion', 100), text('FileVersion', 100), fixed ?? ''].find(
    isVersion,
  )
  return withoutEmpty({
    name: guess(cleanText(productNameIn(strings), 200), RESOURCE),
    version: guess(version ?? '', RESOURCE),
    publisher: guess(text('CompanyName', 200), RESOURCE),
  })
}

/** Adds the signature, and the facts that the installer's own data leaves out. */
export function withProgramFacts(
  found: InstallerKnowledge,
  program: Program,
  signer: InstallerSigner,
): InstallerKnowledge {
  const isTampered = signer.state === 'tampered'
  const publisher = guess(isTampered ? '' : signer.name, 'signature')
  // The warning about the signature replaces one about a checksum, because it names the signer.
  const warnings = found.warnings.filter(({ code }) => !isTampered || code !== 'tampered')
  if (isTampered)
    warnings.push(
      warning(
        'tampered',
        `This file was changed after it was signed${signer.name ? ` by ${signer.name}` : ''}. Download it again from its publisher.`,
      ),
    )
  return {
    ...found,
    signer,
    warnings,
    facts: {
      ...withoutEmpty({ publisher }),
      ...resourceFacts(program),
      ...withoutEmpty(found.facts),
    },
  }
}

const SETUP_WORDS = /\b(?:setup|installer|install)\b/i

/** A program that no known tool packed. Whether it installs something is unknown if it is compressed, or named like an installer. */
export function plainProgram(program: Program): InstallerKnowledge {
  const { strings, facts } = program
  if (facts.sections.some(({ name }) => /^UPX\d$/.test(name)))
    return knowledgeOf(null, {
      is_installer: null,
      warnings: [
        warning('packed', 'This program is compressed with UPX, so only a part of it can be read.'),
      ],
      facts: { arch: read(archOfProgram(program), 'program header') },
    })
  const words = [strings.OriginalFilename, strings.FileDescription, strings.InternalName]
  const isSetup = words.some((text) => text && SETUP_WORDS.test(text.replaceAll('_', ' ')))
  return knowledgeOf(isSetup ? null : 'none', {
    is_installer: isSetup ? null : false,
    facts: { arch: read(archOfProgram(program), 'program header') },
  })
}
