export interface SizedPng {
  /** Width and height in pixels. */
  size: number
  png: Buffer
}

/**
 * A Windows icon from PNG images (supported since Vista). Layout:
 * https://learn.microsoft.com/en-us/previous-versions/ms997538(v=msdn.10)
 */
export function ico(images: readonly SizedPng[]): Buffer {
  const head = Buffer.alloc(6 + 16 * images.length)
  head.writeUInt16LE(1, 2) // an icon, not a cursor
  head.writeUInt16LE(images.length, 4)
  let offset = head.length
  images.forEach(({ size, png }, index) => {
    const at = 6 + 16 * index
    head.writeUInt8(size % 256, at) // 0 means 256
    head.writeUInt8(size % 256, at + 1)
    head.writeUInt16LE(1, at + 4) // colour planes
    head.writeUInt16LE(32, at + 6) // bits per pixel
    head.writeUInt32LE(png.length, at + 8)
    head.writeUInt32LE(offset, at + 12)
    offset += png.length
  })
  return Buffer.concat([head, ...images.map(({ png }) => png)])
}

/**
 * Chunk types by pixel size, including those for doubled resolution
 * (https://en.wikipedia.org/wiki/Apple_Icon_Image_format).
 */
const icnsTypes: Record<number, string[]> = {
  16: ['icp4'],
  32: ['icp5', 'ic11'],
  64: ['ic12'],
  128: ['ic07'],
  256: ['ic08', 'ic13'],
  512: ['ic09', 'ic14'],
  1024: ['ic10'],
}

/** A macOS icon from PNG images. @throws Error for a size that the format does not support */
export function icns(images: readonly SizedPng[]): Buffer {
  const chunks = images.flatMap(({ size, png }) => {
    const types = icnsTypes[size]
    if (!types) throw new Error(`an icns file holds no image of ${size} px`)
    return types.map((type) => chunk(type, png))
  })
  return chunk('icns', Buffer.concat(chunks))
}

function chunk(type: string, content: Buffer): Buffer {
  const head = Buffer.alloc(8)
  head.write(type, 'latin1')
  head.writeUInt32BE(8 + content.length, 4)
  return Buffer.concat([head, content])
}
