/** A sample of every technology, cut off at many places: it is refused, or shown as incomplete, but never taken for a whole installer. */
import { afterAll, describe, expect, it } from 'vitest'
import { AppError } from '#shared/contract/errors.ts'
import { openInspector } from '../../test-kit/inspector.ts'
import { SAMPLES } from '../../test-kit/samples/index.ts'

const inspector = openInspector()
afterAll(() => inspector.close())

const SHARES = [0.25, 0.5, 0.75, 0.95, 0.99]
/** Where a structure begins, so the one before it ends there. */
const MARKS = `
PE\0\0, \xd0\xcf\x11\xe0, \x2f\x30\xee\x1f, MSCF, CK, PK\x03\x04, PK\x01\x02, PK\x05\x06,
\xef\xbe\xad\xdeNull, Inno Setup Setup, 7z\xbc\xaf, ;!@Install@!, ;!@InstallEnd@!, Rar!,
InstallShield\0, ISSetupStream, data, ADVINSTSFX, xar!, \x78\x9c, \x78\x01, koly, <plist,
<?xml, \x8e\xad\xe8\x01, debian-binary, control.tar, data.tar, hsqs, filesizes, skip=,
H+, CD001`
  .trimStart()
  .split(/,\s/)
const MARKS_OF_EACH = 12
/** The ends of headers, and the first and last bytes of what is appended. */
const NEAR = [1, 2, 3, 4, 7, 8, 12, 20, 27, 28, 32, 40, 46, 60]

/** Programs that are no installers have no length of their own. Without its trailer, the image is another one, which is whole. */
const isAllowed = (file: string, bytes: Buffer): boolean =>
  file === 'plain-with-names.exe' || (file === 'koly-hfs.dmg' && bytes.length === 5 * 4096)

function placesIn(bytes: Buffer): number[] {
  const places = new Set(SHARES.map((share) => Math.floor(bytes.length * share)))
  for (const near of NEAR) places.add(bytes.length - near)
  for (const mark of MARKS)
    for (let at = -1, i = 0; i < MARKS_OF_EACH; i++) {
      at = bytes.indexOf(mark, at + 1, 'latin1')
      if (at < 0) break
      places.add(at).add(at + mark.length)
    }
  if (bytes.toString('latin1', 0, 2) === 'MZ') {
    // The only section of such a program.
    const section = 0x80 + 24 + 240
    const overlayAt = bytes.readUInt32LE(section + 20) + bytes.readUInt32LE(section + 16)
    for (const near of [0, ...NEAR]) places.add(overlayAt + near)
  }
  return [...places].filter((at) => at > 0 && at < bytes.length).sort((a, b) => a - b)
}

/** Null: it is refused, or shown as incomplete. */
async function wronglyWhole(file: string, bytes: Buffer): Promise<string | null> {
  const found = await inspector.look(file, bytes).catch((error: unknown) => error)
  if (found instanceof AppError) return null
  if (found instanceof Error) throw found
  const { knowledge } = found as Awaited<ReturnType<typeof inspector.look>>
  const isFlagged = knowledge?.warnings.some(({ code }) =>
    ['truncated', 'tampered', 'needs_files'].includes(code),
  )
  if (knowledge?.complete === false && isFlagged) return null
  if (isAllowed(file, bytes)) return null
  return `${knowledge?.technology ?? 'unknown'}, complete: ${knowledge?.complete}`
}

describe('a file that was cut off is no whole installer', () => {
  const samples = SAMPLES.filter(({ truth }) => truth['bad'] !== true)
  it.each(samples.map((one) => [one.truth.file, one] as const))('%s', async (file, sample) => {
    const whole = await sample.bytes()
    const wrong: Record<number, string> = {}
    for (const at of placesIn(whole)) {
      const what = await wronglyWhole(file, whole.subarray(0, at))
      if (what !== null) wrong[at] = what
    }
    expect(wrong, `of ${whole.length} bytes`).toEqual({})
    expect(inspector.faults).toEqual([])
  })
})
