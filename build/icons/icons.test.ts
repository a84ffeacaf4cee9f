import fs from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import { icns, ico } from './containers.ts'

const here = import.meta.dirname
const signature = Buffer.from('89504e470d0a1a0a', 'hex')

/** Width and height of a PNG image. */
function pngSize(png: Buffer): [number, number] {
  expect(png.subarray(0, 8)).toEqual(signature)
  return [png.readUInt32BE(16), png.readUInt32BE(20)]
}

it.each([16, 24, 32, 48, 64, 128, 256, 512])('has the app icon in %i px', async (size) => {
  const png = await fs.readFile(path.join(here, `app/linux/${size}x${size}.png`))
  expect(pngSize(png)).toEqual([size, size])
})

it('has a Windows icon whose entries match their headers', async () => {
  const file = await fs.readFile(path.join(here, 'app/deployx.ico'))
  expect([file.readUInt16LE(0), file.readUInt16LE(2)]).toEqual([0, 1])
  const sizes = Array.from({ length: file.readUInt16LE(4) }, (_unused, index) => {
    const at = 6 + 16 * index
    const [length, offset] = [file.readUInt32LE(at + 8), file.readUInt32LE(at + 12)]
    const [width] = pngSize(file.subarray(offset, offset + length))
    expect(width % 256).toBe(file.readUInt8(at))
    return width
  })
  expect(sizes).toEqual([16, 20, 24, 32, 48, 64, 128, 256])
})

it('has a macOS icon up to 1024 px', async () => {
  const file = await fs.readFile(path.join(here, 'app/deployx.icns'))
  expect(file.toString('latin1', 0, 4)).toBe('icns')
  expect(file.readUInt32BE(4)).toBe(file.length)
  const found = new Map<string, number>()
  for (let at = 8; at < file.length; at += file.readUInt32BE(at + 4)) {
    found.set(file.toString('latin1', at, at + 4), pngSize(file.subarray(at + 8))[0])
  }
  expect(Object.fromEntries(found)).toMatchObject({ icp4: 16, ic07: 128, ic09: 512, ic10: 1024 })
})

it.each(['idle', 'working', 'attention'])('has the tray icon %s for every bar', async (state) => {
  const size = async (name: string) => pngSize(await fs.readFile(path.join(here, 'tray', name)))
  expect(await size(`${state}Template.png`)).toEqual([16, 16])
  expect(await size(`${state}Template@2x.png`)).toEqual([32, 32])
  for (const bar of ['on-light', 'on-dark']) {
    expect(await size(`${state}-${bar}.png`)).toEqual([22, 22])
    expect(await size(`${state}-${bar}@2x.png`)).toEqual([44, 44])
    await expect(fs.access(path.join(here, 'tray', `${state}-${bar}.ico`))).resolves.toBeUndefined()
  }
})

it('refuses a size that macOS icons do not support', () => {
  expect(() => icns([{ size: 20, png: Buffer.alloc(0) }])).toThrow('20 px')
  expect(ico([]).length).toBe(6)
})
