/**
 * Scripts written on another system: removes byte order marks and converts line endings that their
 * interpreter does not accept.
 */
import { chmod, open, readFile, stat } from 'node:fs/promises'
import { writeDurably } from '../lib/atomic-file.ts'

/** A longer script carries other data after its text. */
const SCRIPT_LIMIT_BYTES = 32 * 1024 * 1024
const UTF8_MARK = Buffer.from([0xef, 0xbb, 0xbf])

/**
 * Control characters that do not occur in text: a file with them carries an archive or a program, and stays
 * unchanged.
 */
const isText = (bytes: Uint8Array): boolean =>
  bytes.every((byte) => byte >= 0x20 || (byte >= 0x07 && byte <= 0x0d) || byte === 0x1b)

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

/** A UTF-16 file as UTF-8, by its byte order mark; null if it is anything else, or not text. */
function fromUtf16(bytes: Buffer): Buffer | null {
  const mark = bytes.subarray(0, 2).toString('hex')
  if ((mark !== 'fffe' && mark !== 'feff') || bytes.length % 2 !== 0) return null
  const text = new TextDecoder(mark === 'fffe' ? 'utf-16le' : 'utf-16be').decode(bytes)
  const utf8 = Buffer.from(text)
  return isText(utf8) ? utf8 : null
}

const withoutMark = (bytes: Buffer): Buffer =>
  bytes.subarray(0, 3).equals(UTF8_MARK) ? bytes.subarray(3) : bytes

/**
 * Converts line endings on bytes, so that no encoding is affected. A lone CR counts as a line end only if
 * there are no others.
 */
const withLines = (bytes: Buffer, end: '\n' | '\r\n'): Buffer => {
  const text = bytes.toString('latin1')
  const lines = text.includes('\n') ? text.replaceAll('\r\n', '\n') : text.replaceAll('\r', '\n')
  return Buffer.from(end === '\n' ? lines : lines.replaceAll('\n', '\r\n'), 'latin1')
}

type ScriptKind = 'sh' | 'ps1' | 'cmd'

/** The script in the form that its interpreter reads; the same bytes if nothing has to be changed. Pure. */
export function normalizeScript(bytes: Buffer, kind: ScriptKind): Buffer {
  const plain = fromUtf16(bytes) ?? bytes
  if (!isText(plain)) return bytes
  switch (kind) {
    case 'sh':
      return withLines(withoutMark(plain), '\n')
    case 'cmd':
      // cmd.exe finds labels only after CRLF, and treats a byte order mark as a command.
      return withLines(withoutMark(plain), '\r\n')
    case 'ps1': {
      // Without a byte order mark, Windows PowerShell 5 reads a file in the code page of the PC. It can read
      // UTF-16.
      if (plain !== bytes) return bytes
      const text = withoutMark(bytes)
      const needsMark = text.some((byte) => byte >= 0x80) && isUtf8(text)
      return needsMark ? Buffer.concat([UTF8_MARK, text]) : bytes
    }
  }
}

/**
 * Converts a verified script in place to the form that its interpreter reads. Programs, and scripts with an
 * appended archive (makeself), stay unchanged.
 */
export async function normalizeScriptFile(file: string, kind: ScriptKind): Promise<void> {
  const { size, mode } = await stat(file)
  if (size > SCRIPT_LIMIT_BYTES || (await looksBinary(file))) return
  const before = await readFile(file)
  const after = normalizeScript(before, kind)
  if (after.equals(before)) return
  writeDurably(file, after, mode & 0o777)
  // The mode of a new file is subject to the umask of the service.
  await chmod(file, mode & 0o777)
}

/** Checks only the first bytes, so that a large program is not read. */
async function looksBinary(file: string): Promise<boolean> {
  const handle = await open(file, 'r')
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0)
    const head = buffer.subarray(0, bytesRead)
    const isMarked = ['fffe', 'feff'].includes(head.subarray(0, 2).toString('hex'))
    return !isMarked && !isText(head)
  } finally {
    await handle.close()
  }
}
