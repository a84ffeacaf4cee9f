/**
 * macOS packages, built here byte by byte from the description of their format: what is read from them, and how they are
 * refused. Apple's tools, which make the real ones, do not run here.
 */
import { afterAll, describe, expect, it } from 'vitest'
import { openInspector } from '../../test-kit/inspector.ts'
import { makePkg, makeSignedPkg } from '../../test-kit/macos-packages.ts'
import { elementsOf, parseXml, textIn } from './readers/xml.ts'

const inspector = openInspector()
afterAll(() => inspector.close())
const look = (bytes: Buffer, name = 'tool.pkg') => inspector.look(name, bytes)

const DISTRIBUTION = `<?xml version="1.0"?>
<!-- <title>Not this one</title> -->
<installer-gui-script minSpecVersion="2">
  <title>Büro &amp; Tool</title>
  <options customize="never" hostArchitectures="arm64"/>
  <product id="com.example.tool" version="2.4.1"/>
  <pkg-ref id="com.example.small" version="9" installKBytes="10" auth="root">#small.pkg</pkg-ref>
  <pkg-ref id="com.example.main" version='2.4.1' installKBytes="4000">#main.pkg</pkg-ref>
  <pkg-ref id="com.example.main"><bundle-version/></pkg-ref>
</installer-gui-script>`

describe('a macOS package', () => {
  it('yields name, version and architecture of its product, and detects it by its largest part', async () => {
    const bytes = makePkg([
      { name: 'Distribution', text: DISTRIBUTION },
      { name: 'Payload', text: 'x' },
    ])
    expect(await look(bytes)).toMatchObject({
      name: 'Büro & Tool',
      version: '2.4.1',
      platform: 'macos',
      arch: 'arm64',
      detection: { type: 'pkgutil', name: 'com.example.main', version: '2.4.1', operator: 'ge' },
    })
  })

  it('of one component yields its identifier and version, and takes its name from its file', async () => {
    const text =
      '<pkg-info format-version="2" identifier="org.example.one" version="1.0" install-location="/"/>'
    expect(
      await look(makePkg([{ name: 'PackageInfo', text, packed: false }]), 'One 1.0.pkg'),
    ).toMatchObject({
      name: 'One 1.0',
      version: '1.0',
      arch: 'any',
      detection: { type: 'pkgutil', name: 'org.example.one', version: '1.0' },
    })
  })

  it('finds the files of a product in subfolders', async () => {
    const info = '<pkg-info identifier="org.example.in" version="3"/>'
    const bytes = makePkg(
      [{ name: 'PackageInfo', text: info }],
      (files) => `<file id="9"><name>in.pkg</name><type>directory</type>${files}</file>`,
    )
    expect(await look(bytes)).toMatchObject({ version: '3', detection: { name: 'org.example.in' } })
  })

  const component = (id: string, version: string, more = '<payload installKBytes="10"/>'): string =>
    `<pkg-info identifier="${id}" version="${version}">${more}</pkg-info>`
  const info = (folder: string, text: string) => ({ name: 'PackageInfo', folder, text })

  it('is detected by the identifier of its largest component, not by the label of its product', async () => {
    const bytes = makePkg([
      { name: 'Distribution', text: DISTRIBUTION },
      info('small.pkg', component('org.example.small', '9')),
      info('main.pkg', component('org.example.main', '1.0', '<payload installKBytes="900"/>')),
      info('scripts.pkg', component('org.example.scripts', '7', '<scripts/>')),
    ])
    expect(await look(bytes)).toMatchObject({
      version: '2.4.1',
      detection: { type: 'pkgutil', name: 'org.example.main', version: '1.0' },
      knowledge: { facts: { detection: { level: 'read' } } },
    })
  })

  it('without a version of its own is not detected by itself: an upgrade would be skipped', async () => {
    const found = await look(
      makePkg([{ name: 'PackageInfo', text: component('org.example.tool', '0') }]),
    )
    expect(found).toMatchObject({
      detection: null,
      knowledge: { facts: { detection: { level: 'guess', value: { name: 'org.example.tool' } } } },
    })
  })

  it('without a version of its product has that of the app in it', async () => {
    const bundles = `<payload installKBytes="1"/><bundle path="./Tool.app" CFBundleShortVersionString="7.2"/><bundle path="./Tool.app/Contents/Helper.app" CFBundleShortVersionString="1"/>`
    const bytes = makePkg([
      { name: 'PackageInfo', text: component('org.example.tool', '1.0', bundles) },
    ])
    expect(await look(bytes)).toMatchObject({ version: '7.2', detection: { version: '1.0' } })
  })

  it.each([
    ['', 'machine'],
    ['<domains enable_localSystem="true"/>', 'machine'],
    ['<domains enable_currentUserHome="true" enable_localSystem="true"/>', 'either'],
    ['<domains enable_currentUserHome="true"/>', 'user'],
  ])('with the domains %j is for %s', async (domains, scope) => {
    const text = `<installer-gui-script>${domains}</installer-gui-script>`
    const { knowledge } = await look(makePkg([{ name: 'Distribution', text }]))
    expect(knowledge).toMatchObject({
      scope,
      warnings: scope === 'user' ? [{ code: 'per_user' }] : [],
    })
  })

  describe('with a signature', async () => {
    const name = 'Developer ID Installer: Ann Onym Ltd (ABCDE12345)'
    const bytes = await makeSignedPkg(name, [
      { name: 'Distribution', text: DISTRIBUTION },
      { name: 'Payload', text: 'the payload', packed: false },
    ])

    it('names its signer and its publisher', async () => {
      const found = await look(bytes)
      expect(found.publisher).toBe('Ann Onym Ltd')
      expect(found.knowledge).toMatchObject({
        signer: { name, state: 'valid_digest' },
        warnings: [],
      })
    })

    it.each([
      ['a file', bytes.indexOf('the payload')],
      ['the signature', bytes.length - 1],
    ])('warns when %s was changed since', async (_what, at) => {
      const changed = Buffer.from(bytes)
      changed[at]! ^= 1
      expect((await look(changed)).knowledge).toMatchObject({
        signer: { name, state: 'tampered' },
        warnings: [{ code: 'tampered' }],
      })
    })
  })

  it('with a key instead of a title, or with an invalid identifier, omits them', async () => {
    const text = '<title>SU_TITLE</title><pkg-ref id="--volumes" version="1"/>'
    const facts = await look(makePkg([{ name: 'Distribution', text }]))
    expect(facts).toMatchObject({ name: 'tool', version: '1', detection: null })
  })

  const whole = makePkg([{ name: 'Distribution', text: DISTRIBUTION, packed: false }])
  it.each<[string, Buffer, RegExp]>([
    ['is cut off in its head', whole.subarray(0, 20), /cut off/],
    ['is cut off in its table', whole.subarray(0, 60), /cut off/],
    ['is cut off in its files', whole.subarray(0, whole.length - 10), /cut off/],
    [
      'has a damaged table',
      Buffer.concat([whole.subarray(0, 28), Buffer.alloc(5_000, 7)]),
      /damaged/,
    ],
    [
      'holds nothing to install',
      makePkg([{ name: 'readme', text: 'x' }]),
      /neither a Distribution/,
    ],
    [
      'has a file that unpacks to more than is read',
      makePkg([{ name: 'Distribution', text: 'x'.repeat(5_000_000) }]),
      /larger than is read/,
    ],
  ])('that %s is refused', async (_name, bytes, words) => {
    await expect(look(bytes)).rejects.toThrow(words)
  })
})

describe('a macOS disk image', () => {
  const image = (dataBytes: number, more: Partial<{ head: number }> = {}): Buffer => {
    const koly = Buffer.alloc(512)
    koly.write('koly', 0, 'latin1')
    koly.writeUInt32BE(4, 4)
    koly.writeUInt32BE(more.head ?? 512, 8)
    koly.writeBigUInt64BE(0n, 24)
    koly.writeBigUInt64BE(BigInt(dataBytes), 32)
    return Buffer.concat([Buffer.alloc(1_000), koly])
  }
  it('is recognised by its trailer, and named after its file', async () => {
    expect(await look(image(1_000), 'Tool 2.dmg')).toMatchObject({
      name: 'Tool 2',
      platform: 'macos',
    })
  })
  it('whose trailer claims more data than there is is refused', async () => {
    await expect(look(image(9_000), 'a.dmg')).rejects.toThrow(/damaged/)
    await expect(look(image(10, { head: 9 }), 'a.dmg')).rejects.toThrow(/damaged/)
  })
})

describe('the XML parser', () => {
  it('finds nested elements in their order', () => {
    const xml = parseXml('<a n="1"><a n=\'2\'/><b>x</b></a><a n="3">y</a>')
    expect(elementsOf(xml, 'a').map(({ attributes }) => attributes['n'])).toEqual(['1', '2', '3'])
    expect(elementsOf(xml, 'a')[0]!.children.map(({ name }) => name)).toEqual(['a', 'b'])
    expect(textIn(parseXml('<t> a &lt;b&gt; <![CDATA[c]]>&#x2026; </t>'), 't')).toBe('a <b> c…')
    expect(textIn(parseXml('<title-x>no</title-x>'), 'title')).toBeNull()
  })

  it('skips comments, instructions and a document type', () => {
    const xml = '\uFEFF<?xml version="1.0"?><!DOCTYPE a PUBLIC "x" "y"><!-- <a>no</a> --><a>yes</a>'
    expect(textIn(parseXml(xml), 'a')).toBe('yes')
  })

  it.each([
    '<a',
    '<a b',
    '<a b=c/>',
    '<a b="c/>',
    '<a>',
    '</a>',
    '<a></b>',
    '<!-- ',
    '<![CDATA[',
    '<?xml',
    '<a <a',
    '<!DOCTYPE a [<!ENTITY b "c">]>',
    '<a>'.repeat(200),
  ])('refuses %s', (xml) => {
    expect(() => parseXml(xml)).toThrow(/XML in it is (damaged|larger)/)
  })

  it.each([
    '<file ',
    '<!--',
    '<file>',
    '<',
    '</',
    '<a b="',
    '<![CDATA[',
    '<?',
    '&',
    '<a>&lt;',
    '<a/>',
  ])('takes time in proportion to its length: %s', (piece) => {
    const timeOf = (repeated: string): number => {
      const start = performance.now()
      try {
        parseXml(repeated)
      } catch {
        // refused, which is a valid answer too
      }
      return performance.now() - start
    }
    const small = piece.repeat(10_000)
    timeOf(small)
    // Quadratic time would be 10,000 times as long.
    expect(timeOf(piece.repeat(1_000_000))).toBeLessThan(1_000 * Math.max(1, timeOf(small)))
  })
})
