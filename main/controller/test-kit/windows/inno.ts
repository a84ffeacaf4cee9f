/** Inno Setup installers for tests: an offset table in the resources, and a header of the format 6.1.0, 6.4.0 or 6.5.2. */
import { crc32 } from 'node:zlib'
import { makeProgram } from '../windows-packages.ts'
import { packLzma } from './lzma.ts'

const STRINGS = [
  'AppName',
  'AppVerName',
  'AppId',
  'AppCopyright',
  'AppPublisher',
  'AppPublisherURL',
  'AppSupportPhone',
  'AppSupportURL',
  'AppUpdatesURL',
  'AppVersion',
  'DefaultDirName',
  'DefaultGroupName',
  'BaseFilename',
  'UninstallFilesDir',
  'UninstallDisplayName',
  'UninstallDisplayIcon',
  'AppMutex',
  'DefaultUserInfoName',
  'DefaultUserInfoOrg',
  'DefaultUserInfoSerial',
  'AppReadmeFile',
  'AppContact',
  'AppComments',
  'AppModifyPath',
  'CreateUninstallRegKey',
  'Uninstallable',
  'CloseApplicationsFilter',
  'SetupMutex',
  'ChangesEnvironment',
  'ChangesAssociations',
]

export type InnoOptions = {
  texts?: Record<string, string>
  /** `9.0.0`: as 6.4.0, and an unknown version. */
  format?: '6.1.0' | '6.4.0' | '6.5.2' | '9.0.0'
  /** Format 6.1.0: bits of the PCs that it accepts. */
  allowed?: number
  /** Format 6.4.0: expressions. */
  architectures?: string
  privileges?: number
  overrides?: number
  hasPassword?: boolean
  /** Format 6.5.2: the header itself is encrypted. */
  isEncrypted?: boolean
  /** Its data lie in other files. */
  isSplit?: boolean
  code?: string
  packed?: boolean
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value >>> 0)
  return bytes
}
const sized = (bytes: Buffer): Buffer => Buffer.concat([u32(bytes.length), bytes])

/** The header as it is before it is packed. */
export function makeInnoHeader(options: InnoOptions): Buffer {
  const isNew = options.format !== undefined && options.format !== '6.1.0'
  const isNewest = options.format === '6.5.2'
  const texts: Record<string, string> = {
    Uninstallable: 'yes',
    CreateUninstallRegKey: 'yes',
    ...options.texts,
  }
  const wide = (text: string): Buffer => sized(Buffer.from(text, 'utf16le'))
  const strings = STRINGS.map((name) => wide(texts[name] ?? ''))
  if (isNew) strings.push(wide(options.architectures ?? ''), wide(options.architectures ?? ''))
  if (isNewest) strings.push(wide(''), wide(''))
  const hash = Buffer.alloc(isNewest ? 0 : isNew ? 4 : 20, options.hasPassword ? 7 : 0)
  const numbers = [
    Buffer.alloc(4 * (isNewest ? 17 : 16) + 20),
    Buffer.alloc(isNew ? 0 : 8),
    Buffer.alloc(9 + 1),
    hash,
    Buffer.alloc(isNewest ? 0 : isNew ? 44 : 8),
    Buffer.alloc(8),
    u32(1),
    Buffer.from([0, 0, options.privileges ?? 2, options.overrides ?? 0, 0, 0, 0]),
    Buffer.from(isNew ? [] : [options.allowed ?? 0, 0]),
    Buffer.alloc(32),
  ]
  const code = [
    Buffer.alloc(0),
    Buffer.alloc(0),
    Buffer.alloc(0),
    Buffer.from(options.code ?? ''),
  ].map(sized)
  return Buffer.concat([...strings, ...code, ...numbers])
}

function makeBlock(header: Buffer, packed: boolean, isWide: boolean): Buffer {
  const body = packed ? packLzma(header) : header
  const chunks: Buffer[] = []
  for (let at = 0; at < body.length; at += 4096) {
    const chunk = body.subarray(at, at + 4096)
    chunks.push(u32(crc32(chunk)), chunk)
  }
  const stored = Buffer.concat(chunks)
  const size = Buffer.alloc(isWide ? 8 : 4)
  size.writeUInt32LE(stored.length)
  const head = Buffer.concat([size, Buffer.from([packed ? 1 : 0])])
  return Buffer.concat([u32(crc32(head)), head, stored])
}

export function makeInnoInstaller(
  options: InnoOptions = {},
  header = makeInnoHeader(options),
): Buffer {
  const id = Buffer.alloc(64)
  const format = options.format ?? '6.1.0'
  id.write(`Inno Setup Setup Data (${format})${format === '6.1.0' ? ' (u)' : ''}`, 'latin1')
  const isNewest = format === '6.5.2'
  const encryption = Buffer.alloc(isNewest ? 49 : 0)
  if (isNewest) encryption[0] = options.isEncrypted ? 2 : 0
  if (isNewest) encryption.writeUInt32LE(options.hasPassword ? 7 : 0, 45)
  const data = Buffer.concat([
    Buffer.alloc(16),
    id,
    ...(isNewest ? [u32(crc32(encryption)), encryption] : []),
    makeBlock(header, options.packed ?? true, isNewest),
  ])
  const withTable = (table: Buffer): Buffer =>
    makeProgram({
      strings: {},
      overlay: data,
      resources: [{ type: 10, name: 11_111, bytes: table }],
    })
  const whole = withTable(Buffer.alloc(isNewest ? 64 : 44))
  const table = Buffer.alloc(isNewest ? 64 : 44)
  const headerAt = whole.length - data.length + 16
  const dataAt = options.isSplit ? 0 : whole.length - data.length
  table.write('72446c507453cde6d77b0b2a', 'hex')
  table.writeUInt32LE(isNewest ? 2 : 1, 12)
  table.writeUInt32LE(whole.length, 16)
  table.writeUInt32LE(headerAt, isNewest ? 40 : 32)
  table.writeUInt32LE(dataAt, isNewest ? 48 : 36)
  table.writeUInt32LE(crc32(table.subarray(0, -4)), table.length - 4)
  return withTable(table)
}
