import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { run } from '../support/run.ts'
import { icns, ico } from './containers.ts'

/*
 * Generates every icon file from source/*.svg. The results are committed, so run this only after a drawing
 * has changed:
 * node build/icons/generate.ts (needs rsvg-convert: apt-get install librsvg2-bin)
 */

const here = import.meta.dirname
const trayStates = ['idle', 'working', 'attention'] as const
/** Zinc 900 and zinc 50, for light and dark bars. A macOS template is black; the system colours it. */
const trayColours = { Template: '#000000', '-on-light': '#18181b', '-on-dark': '#fafafa' } as const

async function drawing(name: string): Promise<string> {
  return await fs.readFile(path.join(here, 'source', `${name}.svg`), 'utf8')
}

async function render(svg: string, size: number): Promise<Buffer> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'deployx-icon-'))
  const [from, to] = [path.join(folder, 'in.svg'), path.join(folder, 'out.png')]
  try {
    await fs.writeFile(from, svg)
    const args = ['-w', String(size), '-h', String(size), '-o', to, from]
    const result = await run('rsvg-convert', args, { timeoutMs: 30_000 })
    if (result.code !== 0) throw new Error(`rsvg-convert: ${result.stderr}`)
    return await fs.readFile(to)
  } finally {
    await fs.rm(folder, { recursive: true, force: true })
  }
}

/** Small sizes have their own drawings, fitted to the pixel grid. */
async function app(size: number): Promise<Buffer> {
  if (size === 24) return await render(await drawing('app-small-24'), size)
  return await render(await drawing(size <= 32 ? 'app-small' : 'app'), size)
}

/**
 * macOS expects a margin around the tile: 824 of 1024 px (Apple's icon grid); the drawing uses 480 of 512.
 */
async function macApp(size: number): Promise<Buffer> {
  if (size <= 32) return await app(size)
  const side = (480 * 1024) / 824
  const corner = (512 - side) / 2
  const svg = (await drawing('app')).replace(
    'viewBox="0 0 512 512"',
    `viewBox="${corner} ${corner} ${side} ${side}"`,
  )
  return await render(svg, size)
}

async function write(name: string, content: Buffer): Promise<void> {
  const file = path.join(here, name)
  await fs.mkdir(path.dirname(file), { recursive: true })
  await fs.writeFile(file, content)
}

async function images(sizes: number[], make: (size: number) => Promise<Buffer>) {
  return await Promise.all(sizes.map(async (size) => ({ size, png: await make(size) })))
}

async function appIcons(): Promise<void> {
  for (const { size, png } of await images([16, 24, 32, 48, 64, 128, 256, 512], app)) {
    await write(`app/linux/${size}x${size}.png`, png)
  }
  await write('app/deployx.ico', ico(await images([16, 20, 24, 32, 48, 64, 128, 256], app)))
  await write('app/deployx.icns', icns(await images([16, 32, 64, 128, 256, 512, 1024], macApp)))
}

async function trayIcons(): Promise<void> {
  for (const state of trayStates) {
    const source = await drawing(`tray-${state}`)
    for (const [suffix, colour] of Object.entries(trayColours)) {
      const svg = source.replaceAll('<path', `<path fill="${colour}"`)
      const base = suffix === 'Template' ? 16 : 22
      await write(`tray/${state}${suffix}.png`, await render(svg, base))
      await write(`tray/${state}${suffix}@2x.png`, await render(svg, base * 2))
      if (suffix === 'Template') continue
      const sizes = await images([16, 20, 24, 32], (size) => render(svg, size))
      await write(`tray/${state}${suffix}.ico`, ico(sizes))
    }
  }
}

await appIcons()
await trayIcons()
