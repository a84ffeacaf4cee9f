/** The installer within an archive is read like one that was uploaded by itself. */
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { openInspector } from '../../test-kit/inspector.ts'
import { makeDeb, makeTar } from '../../test-kit/packages.ts'
import { makeMsiBytes } from '../../test-kit/windows-packages.ts'
import { makeZipOf } from '../../test-kit/zip-files.ts'

const inspector = openInspector()
afterAll(() => inspector.close())

const properties = {
  ProductName: 'Probe',
  ProductVersion: '3.0.21',
  Manufacturer: 'Ann Onym',
  ProductCode: '{11111111-2222-3333-4444-555555555555}',
}
const MSI = makeMsiBytes({ properties, template: 'x64;1033' })
const plain = { name: 'Bundle', version: '', detection: null }
const look = (files: Record<string, string | Buffer>, asked?: string[]) =>
  inspector.look('Bundle.zip', makeZipOf(files), asked)

describe('a tar archive', () => {
  it.each<[string, (tar: Buffer) => Buffer]>([
    ['Bundle.tar', (tar) => tar],
    ['Bundle.tar.gz', (tar) => gzipSync(tar)],
  ])('%s with one installer takes the name and the facts of the installer', async (name, pack) => {
    const tar = await makeTar({ './folder/readme.txt': 'x', './folder/a.msi': MSI, './b': 'x' })
    expect(await inspector.look(name, pack(tar))).toMatchObject({
      name: 'Probe',
      version: '3.0.21',
      platform: null,
      arch: 'x64',
      detection: { type: 'msi_product', product_code: properties.ProductCode },
      knowledge: { technology: 'msi', warnings: [{ code: 'per_user' }] },
      archive: { choices: ['folder/a.msi'] },
    })
  })
  it('with an invalid or too large installer is accepted without its facts', async () => {
    for (const bytes of ['not one', Buffer.alloc(33 * 1024 * 1024)]) {
      const bundle = gzipSync(await makeTar({ 'a.msi': bytes }))
      expect(await inspector.look('Bundle.tar.gz', bundle)).toMatchObject(plain)
    }
  })
})

describe('a zip archive', () => {
  it('with one installer takes its name, detection rule and warnings', async () => {
    const found = await look({ 'folder/a.msi': MSI, 'folder/readme.txt': 'x' })
    expect(found).toMatchObject({
      name: 'Probe',
      version: '3.0.21',
      publisher: 'Ann Onym',
      platform: null,
      arch: 'x64',
      detection: { type: 'msi_product', product_code: properties.ProductCode },
      knowledge: { technology: 'msi', warnings: [{ code: 'per_user' }] },
      archive: { choices: ['folder/a.msi'] },
    })
  })

  it('with several is read when the caller names the one to run', async () => {
    const files = { 'a.msi': MSI, 'b.deb': await makeDeb() }
    expect(await look(files)).toMatchObject(plain)
    expect(await look(files, ['b.deb'])).toMatchObject({ name: 'deployx-probe', arch: 'x64' })
  })

  it.each<[string, Record<string, string | Buffer>]>([
    ['an invalid installer', { 'a.msi': 'not one' }],
    ['a truncated installer', { 'a.msi': MSI.subarray(0, 2_000) }],
    ['a script', { 'a.sh': '#!/bin/sh\n' }],
    ['an installer that is too large', { 'a.exe': Buffer.alloc(33 * 1024 * 1024) }],
  ])('with %s is accepted without its facts', async (_what, files) => {
    expect(await look(files)).toMatchObject(plain)
  })
})
