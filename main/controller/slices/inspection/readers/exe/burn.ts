/** Bundles of the WiX Toolset: the manifest in their first container (wix, src/burn/engine/section.cpp and inc/burnsources). */
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
/** The first one holds the manifest, the others what is installed. Real bundles have two or three. */
const CONTAINER_LIMIT = 64
const DAMAGED =
  'The manifest of this bundle cannot be read, so the file may be damaged. Download it again.'

/** Null: there is no such section here, or it is damaged. */
function sectionOf({ window }: Program, at: number): Buffer | null {
  const section = window.read(at, SECTION_BYTES + 4 * CONTAINER_LIMIT)
  return section.length >= SECTION_BYTES && section.readUInt32LE(0) === MAGIC ? section : null
}

/** Whether all containers are there; null: the section names none. @throws AppError E_PACKAGE_UNREADABLE when they are not */
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
  const there = Math.max(facts.overlayAt, overlay.at + overlay.sizeBytes)
  if (end > there) throw cutOff('this WiX bundle', end, there)
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

/** The code that all versions of the bundle share; its own id changes with each version. Null: none, or several. */
function relatedIn(manifest: XmlElement): Detection | null {
  const codes = elementsOf(manifest, 'RelatedBundle')
    .filter(({ attributes }) => attributes.Action === 'Upgrade')
    .map(({ attributes }) => (attributes.Id ?? attributes.Code ?? '').toUpperCase())
  const [code = '', ...others] = new Set(codes)
  const isCode = /^\{[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}\}$/.test(code)
  return isCode && others.length === 0 ? { type: 'upgrade_code', upgrade_code: code } : null
}

/** Where the engine keeps the bundle for its removal (wix, src/burn/engine/cache.cpp). Empty: unknown. */
function removalOf(id: string, executable: string, scope: 'machine' | 'user' | null): string {
  if (scope === null || !/^\{[0-9a-f-]{36}\}$/i.test(id)) return ''
  if (!/^[^\\/:*?"<>|%\0-\x1f]{1,255}$/.test(executable)) return ''
  const folder = scope === 'machine' ? '%ProgramData%' : '%LocalAppData%'
  return `"${folder}\\Package Cache\\${id}\\${executable}" /uninstall /quiet /norestart`
}

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
  const arp = childOf(registration, 'Arp')?.attributes ?? {}
  const { attributes } = registration
  const version = cleanText(arp.DisplayVersion ?? attributes.Version ?? '', 100)
  const id = cleanText(attributes.Id ?? attributes.Code ?? '', 100)
  const isMachine = attributes.PerMachine === 'yes' || attributes.Scope === 'perMachine'
  const isUser = attributes.PerMachine === 'no' || attributes.Scope === 'perUser'
  const scope = isMachine ? 'machine' : isUser ? 'user' : null
  const isShown = arp.Register === undefined || arp.Register === 'yes'
  const is64Bit = manifest.attributes.Win64 === 'yes'
  const isNamed64 = /\b(?:x64|amd64|64-bit)\b/i.test(arp.DisplayName ?? '')
  const related = relatedIn(manifest)
  const key = /^\{[0-9a-f-]{36}\}$/i.test(id) && isShown && scope !== null ? id : null
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
        name: read(cleanText(arp.DisplayName ?? '', 200), SOURCE),
        version: read(version, SOURCE),
        publisher: read(cleanText(arp.Publisher ?? '', 200), SOURCE),
        uninstall: usual(removalOf(id, attributes.ExecutableName ?? '', scope), SOURCE),
      }),
      ...(is64Bit || isNamed64
        ? {
            arch: is64Bit
              ? read('x64' as const, SOURCE)
              : guess('x64' as const, 'name of the product'),
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
      ...(related
        ? { upgrade_of: read<Detection>(related, 'related bundles in the manifest') }
        : {}),
    },
  })
}
