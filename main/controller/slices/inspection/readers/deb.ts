/** Debian packages: an ar archive of debian-binary, control.tar.* and data.tar.* (deb(5), deb-control(5)). */
import { extract } from 'tar-stream'
import type { Detection } from '#shared/contract/detection.ts'
import type { InstallerArch } from '#shared/domain/platforms.ts'
import { readArMembers, type ArMember } from './ar.ts'
import { cleanText, unreadable, type PackageFacts } from '../facts.ts'
import { knowledgeOf, read, usual, warning, withoutEmpty } from '../knowledge.ts'
import { unpack } from './unpack.ts'
import type { Window } from './window.ts'

const CONTROL = 'the control file'
const CONTROL_LIMIT_BYTES = 4 * 1024 * 1024
const CONTROL_FILE_LIMIT_BYTES = 1024 * 1024

const ARCHITECTURES: Record<string, InstallerArch> = {
  all: 'any',
  amd64: 'x64',
  arm64: 'arm64',
  i386: 'x86',
}

const CONTROL_FILES = ['control', 'templates']

/** Files of control.tar that matter here, by name. */
function controlFiles(tar: Buffer): Promise<ReadonlyMap<string, string>> {
  return new Promise((resolve, reject) => {
    const found = new Map<string, string>()
    const reader = extract()
    reader.on('entry', (header, stream, next) => {
      const name = header.name.replace(/^\.\//, '')
      const wanted =
        CONTROL_FILES.includes(name) &&
        !found.has(name) &&
        header.type === 'file' &&
        (header.size ?? 0) <= CONTROL_FILE_LIMIT_BYTES
      const pieces: Buffer[] = []
      stream.on('data', (piece) => {
        if (wanted) pieces.push(piece as Buffer)
      })
      stream.on('error', reject)
      stream.on('end', () => {
        if (wanted) found.set(name, Buffer.concat(pieces).toString('utf8'))
        next()
      })
      stream.resume()
    })
    reader.on('error', (error) => reject(unreadable('its control part is damaged', error)))
    reader.on('finish', () =>
      found.has('control') ? resolve(found) : reject(unreadable('it has no control file')),
    )
    reader.end(tar)
  })
}

/** Fields of the first paragraph, names in lower case; a line that starts with a space continues the previous one. */
export function parseControl(text: string): Map<string, string> {
  const fields = new Map<string, string>()
  let last: string | null = null
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '') {
      if (fields.size > 0) break
      continue
    }
    if (/^[ \t]/.test(line)) {
      if (last !== null) fields.set(last, `${fields.get(last)}\n${line.slice(1)}`)
      continue
    }
    const colon = line.indexOf(':')
    if (colon < 1) continue
    last = line.slice(0, colon).toLowerCase()
    fields.set(last, line.slice(colon + 1).trim())
  }
  return fields
}

/** `Ann Onym <ann@example.org>` without the address. */
function maintainerName(text: string): string {
  const address = text.indexOf('<')
  return cleanText(address < 0 ? text : text.slice(0, address), 200)
}

/** Questions of debconf (debconf-devel(7)); notes and errors ask for nothing. */
const QUESTION = /^(?:string|password|boolean|select|multiselect)$/

/** How many questions the package may ask. */
const questionsIn = (templates: string): number =>
  templates
    .split(/\r?\n/)
    .filter((line) => /^type:/i.test(line) && QUESTION.test(line.slice('type:'.length).trim()))
    .length

const mayWait = (questions: number) =>
  warning(
    'may_wait',
    `The package has ${questions} ${questions === 1 ? 'question' : 'questions'} for debconf. The agent lets debconf take the defaults; a script of the package that asks in another way may wait for an answer. Try it on one PC first.`,
  )

function partOf(members: ArMember[], prefix: string): ArMember {
  const found = members.find((m) => m.name === prefix || m.name.startsWith(`${prefix}.`))
  if (!found) throw unreadable(`its part ${prefix} is missing, it may be cut off`)
  return found
}

/** @throws AppError E_PACKAGE_UNREADABLE with the problem */
export async function readDeb(window: Window): Promise<PackageFacts> {
  const members = readArMembers(window)
  const [first] = members
  if (first?.name !== 'debian-binary') throw unreadable('it is not a Debian package')
  const format = window.read(first.position, Math.min(first.sizeBytes, 16)).toString()
  if (!/^2\.\d+\n/.test(format)) throw unreadable('its package format is not 2.x')
  const control = partOf(members, 'control.tar')
  partOf(members, 'data.tar')
  if (control.sizeBytes > CONTROL_LIMIT_BYTES)
    throw unreadable(`its control part is larger than ${CONTROL_LIMIT_BYTES / 1024 ** 2} MiB`)

  const packed = window.read(control.position, control.sizeBytes)
  const tar = await unpack(packed, control.name.slice('control.tar'.length), window)
  const files = await controlFiles(tar)
  const fields = parseControl(files.get('control')!)
  const name = fields.get('package') ?? ''
  const version = fields.get('version') ?? ''
  const archWord = fields.get('architecture') ?? ''
  if (!/^[a-z0-9][a-z0-9+.-]{1,200}$/i.test(name))
    throw unreadable('its control file names no package')
  if (!/^[A-Za-z0-9.+:~-]{1,256}$/.test(version))
    throw unreadable('its control file names no version')
  if (!/^[a-z0-9-]{1,64}$/i.test(archWord))
    throw unreadable('its control file names no architecture')
  const arch = ARCHITECTURES[archWord] ?? null
  const publisher = maintainerName(fields.get('maintainer') ?? '')
  const product = {
    type: 'dpkg' as const,
    // dpkg stores names in lower case.
    name: name.toLowerCase(),
    ...(archWord === 'all' ? {} : { arch: archWord }),
    operator: 'ge' as const,
  }
  const detection = { ...product, version }
  const questions = questionsIn(files.get('templates') ?? '')
  return {
    name,
    version: version.slice(0, 100),
    publisher,
    platform: 'linux',
    arch,
    archWord,
    detection,
    knowledge: knowledgeOf('deb', {
      complete: true,
      scope: 'machine',
      facts: withoutEmpty({
        name: read(name, CONTROL),
        version: read(version.slice(0, 100), CONTROL),
        publisher: read(publisher, 'the maintainer in the control file'),
        ...(arch ? { arch: read(arch, CONTROL) } : {}),
        install_args: usual('-y, debconf noninteractive', 'apt-get'),
        uninstall: usual(`apt-get remove -y ${product.name}`, 'apt-get'),
        success_exit_codes: usual([0], 'apt-get'),
        detection: read<Detection>(detection, CONTROL),
        upgrade_of: read<Detection>(product, CONTROL),
      }),
      warnings: questions === 0 ? [] : [mayWait(questions)],
    }),
  }
}
