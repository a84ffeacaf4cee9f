/**
 * Installers generated for tests: real archives, byte by byte, so that they can be broken on
 * purpose.
 */
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'

export type ArPart = { name: string; bytes: Buffer }

/** An ar archive as dpkg-deb writes it. */
export function makeAr(parts: ArPart[]): Buffer {
  const pieces: Buffer[] = [Buffer.from('!<arch>\n')]
  for (const { name, bytes } of parts) {
    const header =
      name.padEnd(16) +
      '0'.padEnd(12) +
      '0'.padEnd(6) +
      '0'.padEnd(6) +
      '100644'.padEnd(8) +
      String(bytes.length).padEnd(10) +
      '`\n'
    pieces.push(Buffer.from(header, 'latin1'), bytes)
    if (bytes.length % 2 === 1) pieces.push(Buffer.from('\n'))
  }
  return Buffer.concat(pieces)
}

export async function makeTar(files: Record<string, string | Buffer>): Promise<Buffer> {
  const tar = pack()
  for (const [name, content] of Object.entries(files))
    tar.entry({ name, mtime: new Date(0) }, content)
  tar.finalize()
  const pieces: Buffer[] = []
  for await (const piece of tar) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}

export const CONTROL = `Package: deployx-probe
Version: 1:2.10-3~test
Architecture: amd64
Maintainer: Ann Onym <ann@example.com>
Installed-Size: 280
Section: misc
Description: a package that does nothing
 It has a longer text
 .
 with an empty line in it.
`

export const DATA_FILES = { './usr/share/deployx-probe/file': 'probe\n'.repeat(500) }

/** A .deb. Every part of it can be replaced. */
export async function makeDeb(
  options: {
    control?: string
    /** The member that contains control.tar, compressed as its name indicates. */
    controlMember?: ArPart
    parts?: (parts: { binary: ArPart; control: ArPart; data: ArPart }) => ArPart[]
  } = {},
): Promise<Buffer> {
  const binary = { name: 'debian-binary', bytes: Buffer.from('2.0\n') }
  const control = options.controlMember ?? {
    name: 'control.tar.gz',
    bytes: gzipSync(await makeTar({ './md5sums': 'x\n', './control': options.control ?? CONTROL })),
  }
  const data = { name: 'data.tar.gz', bytes: gzipSync(await makeTar(DATA_FILES)) }
  return makeAr(options.parts?.({ binary, control, data }) ?? [binary, control, data])
}

/** A header section of an .rpm with text tags (type 6) or number tags (type 4). */
function rpmSection(tags: Record<number, string | number>): Buffer {
  const entries: Buffer[] = []
  const store: Buffer[] = []
  let offset = 0
  for (const [tag, value] of Object.entries(tags)) {
    const entry = Buffer.alloc(16)
    entry.writeUInt32BE(Number(tag), 0)
    entry.writeUInt32BE(typeof value === 'number' ? 4 : 6, 4)
    entry.writeUInt32BE(offset, 8)
    entry.writeUInt32BE(1, 12)
    entries.push(entry)
    const bytes = typeof value === 'number' ? Buffer.alloc(4) : Buffer.from(`${value}\0`)
    if (typeof value === 'number') bytes.writeUInt32BE(value)
    store.push(bytes)
    offset += bytes.length
  }
  const intro = Buffer.alloc(16)
  intro.writeUInt32BE(0x8eade801, 0)
  intro.writeUInt32BE(entries.length, 8)
  intro.writeUInt32BE(offset, 12)
  return Buffer.concat([intro, ...entries, ...store])
}

/** The head of an .rpm, with some bytes in place of its payload. */
export function makeRpm(
  tags: Record<number, string | number> = {
    1000: 'probe',
    1001: '1.2',
    1002: '3.el9',
    1011: 'Ann Onym',
    1022: 'x86_64',
  },
  signatureTags: Record<number, string | number> = { 1000: 'not the name' },
): Buffer {
  const lead = Buffer.alloc(96)
  lead.writeUInt32BE(0xedabeedb, 0)
  const signature = rpmSection(signatureTags)
  const padding = Buffer.alloc((8 - ((lead.length + signature.length) % 8)) % 8)
  return Buffer.concat([
    lead,
    signature,
    padding,
    rpmSection({ 1044: 'probe.src.rpm', ...tags }),
    Buffer.from('payload'),
  ])
}

/** As rpmbuild makes it: it says how many bytes follow its signature. */
export function makeSizedRpm(tags: Record<number, string | number>): Buffer {
  const at = makeRpm(tags, { 1000: 0 }).indexOf(Buffer.from([0x8e, 0xad, 0xe8, 1]), 96 + 16)
  return makeRpm(tags, { 1000: makeRpm(tags, { 1000: 0 }).length - at })
}

/** control.tar with CONTROL in it, compressed by xz. */
export const CONTROL_TAR_XZ = Buffer.from(
  '/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4Av/ASNdABcLyibYJmeLJmIZ5BTocGpzYY8pjZDMwfRj7QleXJtECv9fDVbHzyHakfnj0gE8b1MF3ujdRsFdYmsvmG8CzqeCEwRgkwdlee4djIXoN5pVZHC2g5keyAko+r/9UKfbGzE0VmJnGVhH3mLmTK15/cUzOn59ebSDNE7/KUMGeM1m4SNPmMinkIubnPE4IdNvrqOJEop0FS8pxsb67tCwmC/YY8G6l8JxTOo1Yqu0fl18MQJEq+BOLezXiTIz5ivJ5L++AbB5GPUYqVpVxzsE4VDGORX7HquAcyY8sU2doej15at33dHcC7IPspAFF8ShYcnhwK1gw8bmm0N++Lnq1KkCjEJ9qE1BklIhbg3YqE8+nTod/U+PRhgDlyXGEcG0RPlLvAAAlAOI5OVgfN8AAb8CgBgAAO5iZa2xxGf7AgAAAAAEWVo=',
  'base64',
)

/** The same, compressed by zstd. */
export const CONTROL_TAR_ZST = Buffer.from(
  'KLUv/WQAC6UIAJZRNxlQeQOwGIlDBTI7CMztfmYKcGP8GRozg3qOMgAwADAAlYIoFTG8HG6cs0EAKAnUCoR2axGogCdJUonqCXEkRCWqgRBeVMCPI6m1AvoTNaJ9gxC/8bUTPRLts858KO7s9+WyEKJb/z6NoBJCwRDO4Hx1+Bd9LIdgQJbZA19z5jfbZTbbQbfgDTP9Ec30/Xb2Fq1L4cyb1wq09zy7NZao8+VMeA/8LPkPxrbxr8SUYww5EwbCvo6vP76elxv83rF1bt/RqeB0k789/A1nz61ry/mWnG74cjtj158135YLEiAQZ8KEtQ4XUYHBnw6V6SB2NUMvjWsfA+JYdRAZeIDp0a8OCRSAz2ClA5CGBaPD9tzkkBBWgvs=',
  'base64',
)
