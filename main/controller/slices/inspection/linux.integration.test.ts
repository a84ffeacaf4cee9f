/** What is read from AppImages and self-extracting scripts, and from Linux packages beyond their names. */
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { openInspector } from '../../test-kit/inspector.ts'
import { makeAppImage, makeMakeself } from '../../test-kit/linux-programs.ts'
import { CONTROL, makeDeb, makeRpm, makeTar } from '../../test-kit/packages.ts'

const inspector = openInspector()
afterAll(() => inspector.close())
const { look } = inspector

describe('an AppImage', () => {
  it('yields its architecture, and as a guess what its name follows by convention', async () => {
    const found = await look('Woad_Painter-0.8.1-x86_64.AppImage', makeAppImage(500))
    expect(found).toMatchObject({ name: 'Woad Painter', version: '0.8.1', arch: 'x64' })
    expect(found.knowledge).toMatchObject({
      technology: 'appimage',
      complete: true,
      facts: { arch: { level: 'read' }, version: { value: '0.8.1', level: 'guess' } },
    })
  })

  it.each([
    ['Tool.AppImage', 'Tool', ''],
    ['Tool-x86_64.AppImage', 'Tool-x86_64', ''],
    ['my-tool_v1.2.3-beta.1.AppImage', 'my-tool', '1.2.3-beta.1'],
    ['Tool-10.0-linux-arm64.AppImage', 'Tool', '10.0'],
  ])('%s is %j %j', async (fileName, name, version) => {
    expect(await look(fileName, makeAppImage(200))).toMatchObject({ name, version })
  })

  it('is refused wherever it was cut off', async () => {
    const bytes = makeAppImage(500)
    for (const cut of [100, 191, 300, bytes.length - 1])
      if (cut > 192 + 96 || cut < 192)
        await expect(look('a.AppImage', bytes.subarray(0, cut)), `cut at ${cut}`).rejects.toThrow(
          'cut off',
        )
  })
})

describe('a script of makeself', () => {
  it('yields its label, its version as a guess, and its switches', async () => {
    const found = await look('verbena.run', makeMakeself(400))
    expect(found).toMatchObject({ name: 'Verbena', version: '2.0', platform: 'linux' })
    expect(found.knowledge).toMatchObject({
      technology: 'makeself',
      complete: true,
      facts: { install_args: { value: '--quiet --accept', level: 'usual' } },
      warnings: [],
    })
  })
  it('is refused when it is cut off', async () => {
    await expect(look('verbena.run', makeMakeself(399))).rejects.toThrow('cut off')
  })
  it('with an encrypted archive gives a warning', async () => {
    const { knowledge } = await look(
      'a.sh',
      makeMakeself(400, 'decrypt_cmd="openssl aes-256-cbc -d"\n'),
    )
    expect(knowledge!.warnings).toMatchObject([{ code: 'encrypted' }])
  })
  it('differs from other scripts', async () => {
    const other = await look('a.sh', '#!/bin/sh\nlabel="Verbena 2.0"\n')
    expect(other).toMatchObject({ name: 'a', version: '' })
    expect(other.knowledge).toBeUndefined()
  })
})

describe('a Debian package with questions', () => {
  it('gives a warning, but not for notes', async () => {
    const made = async (templates: string) => {
      const tar = await makeTar({ './control': CONTROL, './templates': templates })
      const controlMember = { name: 'control.tar.gz', bytes: gzipSync(tar) }
      return (await look('a.deb', await makeDeb({ controlMember }))).knowledge!.warnings
    }
    expect(await made('Template: a/b\nType: select\n\nTemplate: a/c\nType: boolean\n')).toEqual([
      { code: 'may_wait', text: expect.stringContaining('2 questions') as string },
    ])
    expect(await made('Template: a/b\nType: note\n')).toEqual([])
  })
})

describe('an RPM package', () => {
  const tags = { 1000: 'probe', 1001: '1.2', 1022: 'noarch' }
  it('without a vendor is published by its packager', async () => {
    const packaged = makeRpm({ ...tags, 1015: 'Ann Onym <ann@example.com>' })
    expect(await look('a.rpm', packaged)).toMatchObject({ publisher: 'Ann Onym' })
    const sold = makeRpm({ ...tags, 1011: 'Vendor', 1015: 'Ann Onym' })
    expect(await look('a.rpm', sold)).toMatchObject({ publisher: 'Vendor' })
  })

  it('is refused when it is a source package', async () => {
    await expect(look('a.src.rpm', makeRpm({ ...tags, 1044: '' }))).rejects.toThrow(
      'source package',
    )
  })

  it('is compared with the size and the digest in its signature', async () => {
    const plain = makeRpm(tags)
    const from = 96 + Math.ceil((16 + 16 + 'not the name\0'.length) / 8) * 8
    const behind = plain.length - from
    const whole = makeRpm(tags, { 1000: behind })
    expect((await look('a.rpm', whole)).knowledge).toMatchObject({ complete: true })
    await expect(look('a.rpm', whole.subarray(0, whole.length - 1))).rejects.toThrow('cut off')
    const header = plain.subarray(from, plain.length - 'payload'.length)
    const digest = createHash('sha256').update(header).digest('hex')
    expect(await look('a.rpm', makeRpm(tags, { 273: digest }))).toMatchObject({ name: 'probe' })
    const other = digest.replace(/./g, '0')
    await expect(look('a.rpm', makeRpm(tags, { 273: other }))).rejects.toThrow('its digest differs')
  })

  it.each([
    [{ 268: 'signature' }, 'unchecked'],
    [{ 1000: 'not the name' }, 'unsigned'],
  ])('with the signature %j is %s', async (signature, state) => {
    const { knowledge } = await look('a.rpm', makeRpm(tags, signature))
    expect(knowledge!.signer).toEqual({ name: '', state })
  })
})
