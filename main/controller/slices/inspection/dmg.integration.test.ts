/** What is read from disk images of macOS, built here byte by byte from the description of their formats. */
import { afterAll, describe, expect, it } from 'vitest'
import {
  binaryPlist,
  infoPlist,
  makeDmg,
  makeHfsPlus,
  makeIso,
} from '../../test-kit/disk-images.ts'
import { openInspector } from '../../test-kit/inspector.ts'

const inspector = openInspector()
afterAll(() => inspector.close())
const look = (bytes: Buffer) => inspector.look('Download.dmg', bytes)

const PLIST = infoPlist('Zephyr', '5.6.7')
const ISO = makeIso('Zephyr.app', PLIST)
const HFS = makeHfsPlus('Zephyr.app', PLIST)
const ZLIB = 0x80000005
const LZFSE = 0x80000007
const found = {
  name: 'Zephyr',
  version: '5.6.7',
  platform: 'macos',
  knowledge: {
    technology: 'dmg',
    facts: { version: { value: '5.6.7', level: 'read', source: 'Info.plist of Zephyr.app' } },
  },
}

describe('a disk image', () => {
  it.each([
    ['ISO 9660, plain', ISO],
    ['ISO 9660 with a trailer', makeDmg(ISO)],
    ['ISO 9660, compressed', makeDmg(ISO, ZLIB)],
    ['HFS+, plain', HFS],
    ['HFS+, compressed', makeDmg(HFS, ZLIB)],
  ])('of %s yields the name and version of its app', async (_what, bytes) => {
    expect(await look(bytes)).toMatchObject(found)
  })

  it('with a binary Info.plist is also read', async () => {
    const plist = binaryPlist({ CFBundleName: 'Zéphyr', CFBundleVersion: '9' })
    expect(await look(makeIso('Zephyr.app', plist))).toMatchObject({ name: 'Zéphyr', version: '9' })
  })

  it('of a kind that is not read here is named after its file', async () => {
    const { name, version, knowledge } = await look(makeDmg(ISO, LZFSE))
    expect({ name, version, facts: knowledge!.facts }).toEqual({
      name: 'Download',
      version: '',
      facts: {},
    })
  })

  it('that is encrypted gives a warning', async () => {
    const bytes = Buffer.concat([Buffer.from('encrcdsa'), Buffer.alloc(4_000)])
    expect((await look(bytes)).knowledge!.warnings).toMatchObject([{ code: 'encrypted' }])
  })

  it('with nothing to install is refused', async () => {
    await expect(look(makeIso(null, PLIST))).rejects.toThrow('neither a package nor an app')
  })

  it.each([
    ['ISO', ISO],
    ['HFS+', HFS],
    ['compressed', makeDmg(HFS, ZLIB)],
  ])('is refused wherever it was cut off (%s)', async (_what, bytes) => {
    for (let cut = 1; cut < bytes.length; cut += 487)
      await expect(look(bytes.subarray(0, cut)), `cut at ${cut}`).rejects.toThrow(
        /cut off|not a macOS disk image/,
      )
  })

  it('whose catalog is a cycle is refused', async () => {
    const bytes = Buffer.from(HFS)
    // The leaf is followed by itself.
    bytes.writeUInt32BE(1, 2 * 4096)
    await expect(look(bytes)).rejects.toThrow('file system in it is damaged')
  })
})
