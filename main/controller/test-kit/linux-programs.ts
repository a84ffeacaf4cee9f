/** AppImages and scripts of makeself, made byte by byte for tests. */

/** The header of a 64-bit program. */
export function makeElf(machine: number): Buffer {
  const elf = Buffer.alloc(64)
  elf.write('7f454c46020101', 'hex')
  elf.writeUInt16LE(2, 16)
  elf.writeUInt16LE(machine, 18)
  elf.writeUInt32LE(1, 20)
  elf.writeUInt16LE(64, 52)
  elf.writeUInt16LE(56, 54)
  elf.writeUInt16LE(1, 56)
  return elf
}

/** A program without content, followed by the head of a file system of `dataBytes`. */
export function makeAppImage(dataBytes: number): Buffer {
  const elf = makeElf(0x3e)
  elf.write('AI\x02', 8, 'latin1')
  elf.writeBigUInt64LE(64n, 40)
  elf.writeUInt16LE(64, 58)
  elf.writeUInt16LE(2, 60)
  const data = Buffer.alloc(dataBytes)
  data.write('hsqs', 'latin1')
  data.writeBigUInt64LE(BigInt(dataBytes), 40)
  return Buffer.concat([elf, Buffer.alloc(128), data])
}

/** @param more further settings, each with its line end */
export function makeMakeself(dataBytes: number, more = ''): Buffer {
  const skip = 6 + more.split('\n').length - 1
  return Buffer.concat([
    Buffer.from(
      `#!/bin/sh\n# This script was generated using Makeself 2.4.5\n${more}label="Verbena 2.0"\nfilesizes="400"\nskip="${skip}"\n\n`,
    ),
    Buffer.alloc(dataBytes, 1),
  ])
}
