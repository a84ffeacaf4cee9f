/** WiX bundles: the manifest in their first container (wix, src/burn/engine/section.cpp and inc/burnsources). */
import type { Detection } from '#shared/contract/detection.ts'
import type { InstallerKnowledge } from '#shared/contract/rest/installer-knowledge.ts'
import { cleanText, cutOff } from '../../facts.ts'
import {
  guess,
  knowledgeOf,
  read,
  rulesFor,
  usual,
  warning,
  withoutEmpty,
} from '../../knowledge.ts'
import { firstInCabinet } from '../packed/cabinet.ts'
import { childOf, elementsOf, parseXml, type XmlElement } from '../xml.ts'
import type { Program } from './program.ts'

const MAGIC = 0x00f14300
const MANIFEST_LIMIT_BYTES = 4 * 1024 * 1024
const SOURCE = 'bundle manifest'
const SUCCESS_CODES = [0, 1641, 3010]
const SECTION_BYTES = 48
/** The first container holds the manifest, the others the packages. Real bundles have two or three. */
const CONTAINER_LIMIT = 64
const DAMAGED =
  'The manifest of this bundle cannot be read, so the file may be damaged. Download it again.'

/**
 * The data of the section .wixburn: the size of the stub (at 24), the position and size of the engine's signature (32 and 36), the
 * number of containers (44), and their sizes (from 48 on). Null: damaged. @param at the position of the section in the file
 */
function sectionOf({ window }: Program, at: number): Buffer | null {
  const section = window.read(at, SECTION_BYTES + 4 * CONTAINER_LIMIT)
  return section.length >= SECTION_BYTES && section.readUInt32LE(0) === MAGIC ? section : null
}

/** True: all containers are in the file. Null: the section lists none. @throws AppError E_PACKAGE_UNREADABLE when one is cut off */
function checkComplete({ overlay, facts }: Program, section: Buffer): boolean | null {
  const count = Math.min(section.readUInt32LE(44), CONTAINER_LIMIT)
  if (count === 0 || SECTION_BYTES + 4 * count > section.length) return null
  const sizes = Array.from({ length: count }, (_none, i) =>
    section.readUInt32LE(SECTION_BYTES + 4 * i),
  )
  const stubBytes = section.readUInt32LE(24)
  const signatureAt = section.readUInt32LE(32)
  // The program with its first container may have been signed before the others were attached.
  const engineEnd =
    signatureAt === 0 ? stubBytes + sizes[0]! : signatureAt + section.readUInt32LE(36)
  const end = sizes.slice(1).reduce((sum, size) => sum + size, engineEnd)
  // If the whole file is signed, its signature follows the containers and is not part of the overlay.
  const availableEnd = Math.max(facts.overlayAt, overlay.at + overlay.sizeBytes)
  if (end > availableEnd) throw cutOff('this WiX bundle', end, availableEnd)
  return true
}

function manifestOf({ window }: Program, section: Buffer): XmlElement | null {
  try {
    const bytes = firstInCabinet(window, section.readUInt32LE(24), MANIFEST_LIMIT_BYTES)
    const isWide = bytes?.[0] === 0xff && bytes[1] === 0xfe
    const text = bytes?.toString(isWide ? 'utf16le' : 'utf8').replace(/^\ufeff/, '')
    return text === undefined ? null : (parseXml(text).children[0] ?? null)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'E_PACKAGE_LIMIT') throw error
    return null
  }
}

/** The upgrade code, which all versions of the bundle share, unlike its id. Null: there is none, or there are several. */
function upgradeCodeRule(manifest: XmlElement): Detection | null {
  const codes = elementsOf(manifest, 'RelatedBundle')
    .filter(({ attributes }) => attributes.Action === 'Upgrade')
    .map(({ attributes }) => (attributes.Id ?? attributes.Code ?? '').toUpperCase())
  const [code = '', ...others] = new Set(codes)
  const isCode = /^\{[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}\}$/.test(code)
  return isCode && others.length === 0 ? { type: 'upgrade_code', upgrade_code: code } : null
}

/** Runs the copy of the bundle that the engine caches for its removal (wix, src/burn/engine/cache.cpp). Empty: unknown. */
function uninstallCommand(
  id: string,
  executable: string,
  scope: 'machine' | 'user' | null,
): string {
  if (scope === null || !/^\{[0-9a-f-]{36}\}$/i.test(id)) return ''
  if (!/^[^\\/:*?"<>|%\0-\x1f]{1,255}$/.test(executable)) return ''
  const folder = scope === 'machine' ? '%ProgramData%' : '%LocalAppData%'
  return `"${folder}\\Package Cache\\${id}\\${executable}" /uninstall /quiet /norestart`
}

/** Null: not a bundle. @throws AppError E_PACKAGE_UNREADABLE when it is cut off */
export function readBurn(program: Program): InstallerKnowledge | null {
  const section = program.facts.sections.find(({ name }) => name === '.wixburn')
  if (!section) return null
  const args = usual('/quiet /norestart', 'WiX bundle')
  const codes = usual(SUCCESS_CODES, 'WiX bundle')
  const data = sectionOf(program, section.at)
  const complete = data && checkComplete(program, data)
  const manifest = data && manifestOf(program, data)
  const registration = manifest && elementsOf(manifest, 'Registration')[0]
  if (!manifest || !registration)
    return knowledgeOf('burn', {
      complete: false,
      warnings: [warning('truncated', DAMAGED)],
      facts: { install_args: args, success_exit_codes: codes },
    })
  // The entry in Add/Remove Programs.
  const arpEntry = childOf(registration, 'Arp')?.attributes ?? {}
  const { attributes } = registration
  const version = cleanText(arpEntry.DisplayVersion ?? attributes.Version ?? '', 100)
  const id = cleanText(attributes.Id ?? attributes.Code ?? '', 100)
  const isMachine = attributes.PerMachine === 'yes' || attributes.Scope === 'perMachine'
  const isUser = attributes.PerMachine === 'no' || attributes.Scope === 'perUser'
  const scope = isMachine ? 'machine' : isUser ? 'user' : null
  const isRegistered = arpEntry.Register === undefined || arpEntry.Register === 'yes'
  const is64Bit = manifest.attributes.Win64 === 'yes'
  const hasX64Name = /\b(?:x64|amd64|64-bit)\b/i.test(arpEntry.DisplayName ?? '')
  const upgradeRule = upgradeCodeRule(manifest)
  const key = /^\{[0-9a-f-]{36}\}$/i.test(id) && isRegistered && scope !== null ? id : null
  return knowledgeOf('burn', {
    complete,
    scope,
    warnings:
      scope === 'user'
        ? [
            warning(
              'per_user',
              'This bundle installs for one user. The agent runs as SYSTEM, so it would land in a profile that nobody uses.',
            ),
          ]
        : [],
    facts: {
      ...withoutEmpty({
        name: read(cleanText(arpEntry.DisplayName ?? '', 200), SOURCE),
        version: read(version, SOURCE),
        publisher: read(cleanText(arpEntry.Publisher ?? '', 200), SOURCE),
        uninstall: usual(uninstallCommand(id, attributes.ExecutableName ?? '', scope), SOURCE),
      }),
      ...(is64Bit || hasX64Name
        ? {
            arch: is64Bit
              ? read('x64' as const, SOURCE)
              : guess('x64' as const, 'the name of the product'),
          }
        : {}),
      install_args: args,
      success_exit_codes: codes,
      ...(key
        ? rulesFor(
            {
              type: 'uninstall_key',
              key,
              hive: scope === 'user' ? 'user' : 'machine',
              operator: 'ge',
            },
            version,
            SOURCE,
          )
        : {}),
      ...(upgradeRule
        ? { upgrade_of: read<Detection>(upgradeRule, 'related bundles in the manifest') }
        : {}),
    },
  })
}
