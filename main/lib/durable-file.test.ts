/** The order of the calls makes a file survive a power cut, so the calls themselves are tested. */
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDurableFiles, type DurableFs } from './durable-file.ts'

let root: string
let calls: string[]
beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'deployx-durable-'))
  calls = []
})
afterEach(() => fs.rmSync(root, { recursive: true, force: true }))

/** The real file system with a log of every call. Temporary names are logged as `tmp`. */
function traced(change: Partial<DurableFs> = {}): DurableFs {
  const names = new Map<number, string>()
  const nameOf = (path: string): string => {
    if (path === root) return 'folder'
    return path.endsWith('.tmp') ? 'tmp' : basename(path)
  }
  const real: DurableFs = { ...fs, ...change }
  return {
    openSync: (path, flags, mode) => {
      const fd = real.openSync(path, flags, mode)
      names.set(fd, nameOf(String(path)))
      calls.push(`open ${nameOf(String(path))}`)
      return fd
    },
    writeFileSync: (fd, data) => {
      calls.push(`write ${names.get(fd as number) ?? '?'}`)
      real.writeFileSync(fd, data)
    },
    fsyncSync: (fd) => {
      calls.push(`fsync ${names.get(fd) ?? '?'}`)
      real.fsyncSync(fd)
    },
    closeSync: (fd) => real.closeSync(fd),
    renameSync: (from, to) => {
      real.renameSync(from, to)
      calls.push(`rename ${nameOf(String(from))} to ${nameOf(String(to))}`)
    },
    rmSync: (path, options) => {
      calls.push(`remove ${nameOf(String(path))}`)
      real.rmSync(path, options)
    },
    copyFileSync: (from, to) => {
      calls.push(`copy ${nameOf(String(from))} to ${nameOf(String(to))}`)
      real.copyFileSync(from, to)
    },
    chmodSync: (path, mode) => real.chmodSync(path, mode),
    mkdirSync: ((path: string, options: fs.MakeDirectoryOptions) => {
      calls.push(`mkdir ${nameOf(path)}`)
      return real.mkdirSync(path, options)
    }) as DurableFs['mkdirSync'],
  }
}
const onLinux = (change?: Partial<DurableFs>) => createDurableFiles(traced(change), 'linux')
const modeOf = (name: string): number => fs.statSync(join(root, name)).mode & 0o777

describe('a durable write', () => {
  it('flushes the bytes before the rename and the name after it, private to this user', () => {
    onLinux().writeDurably(join(root, 'a'), 'text')
    expect(calls).toEqual([
      'open tmp',
      'write tmp',
      'fsync tmp',
      'rename tmp to a',
      'open folder',
      'fsync folder',
    ])
    expect(fs.readFileSync(join(root, 'a'), 'utf8')).toBe('text')
    if (process.platform !== 'win32') expect(modeOf('a')).toBe(0o600)
  })

  it.each(['fsyncSync', 'writeFileSync', 'renameSync'] as const)(
    'leaves the old file and no temporary one when %s fails',
    (name) => {
      fs.writeFileSync(join(root, 'a'), 'old')
      const fails = (): never => {
        throw Object.assign(new Error('no room'), { code: 'ENOSPC' })
      }
      expect(() => onLinux({ [name]: fails }).writeDurably(join(root, 'a'), 'new')).toThrow(
        'no room',
      )
      expect(fs.readdirSync(root)).toEqual(['a'])
      expect(fs.readFileSync(join(root, 'a'), 'utf8')).toBe('old')
    },
  )

  it('opens no folder on Windows, which does not support it', () => {
    createDurableFiles(traced(), 'win32').writeDurably(join(root, 'a'), 'text')
    expect(calls).toEqual(['open tmp', 'write tmp', 'fsync tmp', 'rename tmp to a'])
  })
})

it("a durable copy is flushed before it gets its name, and private whatever the source's mode", () => {
  fs.writeFileSync(join(root, 'a'), 'text', { mode: 0o644 })
  onLinux().copyDurably(join(root, 'a'), join(root, 'b'))
  expect(calls).toEqual([
    'open tmp',
    'copy a to tmp',
    'open tmp',
    'fsync tmp',
    'rename tmp to b',
    'open folder',
    'fsync folder',
  ])
  expect(fs.readFileSync(join(root, 'b'), 'utf8')).toBe('text')
  if (process.platform !== 'win32') expect(modeOf('b')).toBe(0o600)
})

it('a durable rename flushes both folders', () => {
  fs.mkdirSync(join(root, 'sub'))
  fs.writeFileSync(join(root, 'a'), '')
  onLinux().renameDurably(join(root, 'a'), join(root, 'sub', 'b'))
  expect(calls).toEqual(['rename a to b', 'open sub', 'fsync sub', 'open folder', 'fsync folder'])
})

it('a new folder is flushed in the one above it', () => {
  onLinux().makeFolderDurably(join(root, 'new'))
  expect(calls).toEqual(['mkdir new', 'open folder', 'fsync folder'])
})
