/** Bundles of the WiX Toolset: the manifest in their first container (wix, src/burn/engine/section.cpp and inc/burnsources). */
import type { InstallerKnowledge } from '#shared/contract/rest/installer-knowledge.ts'
import { cleanText } from '../../facts.ts'
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

function manifestOf({ window }: Program, sectionAt: number): XmlElement | null {
  const section = window.read(sectionAt, 48)
  if (section.length < 48 || section.readUInt32LE(0) !== MAGIC) return null
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
  const manifest = manifestOf(program, section.at)
  const registration = manifest && elementsOf(manifest, 'Registration')[0]
  if (!manifest || !registration)
    return knowledgeOf('burn', { facts: { install_args: args, success_exit_codes: codes } })
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
  const key = /^\{[0-9a-f-]{36}\}$/i.test(id) && isShown && scope !== null ? id : null
  return knowledgeOf('burn', {
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
    },
  })
}
