/** An inspection worker whose readers behave as the file specifies, for tests of their limits. */
import type { InstallerKind } from '#shared/domain/platforms.ts'
import { serveInspections } from '../slices/inspection/worker-loop.ts'
import { READERS, type Reader } from '../slices/inspection/readers/table.ts'

const MIB = 1024 * 1024
const kept: unknown[] = []

const behaviours: Record<string, Reader['read']> = {
  sound: () => ({ name: 'sound' }),
  loop: () => {
    for (;;) kept.length = 0
  },
  never: () => new Promise(() => undefined),
  regex: () => ({ name: String(/(a+)+$/.test(`${'a'.repeat(100)}b`)) }),
  heap: () => {
    for (;;) kept.push({ text: `${kept.length}`.repeat(20) })
  },
  string: () => {
    let text = 'x'
    for (;;) kept.push((text += text).split(''))
  },
  buffers: (window) => {
    for (;;) {
      window.spend(MIB)
      kept.push(Buffer.alloc(MIB, 1))
    }
  },
  unpack: (window) => {
    for (;;) kept.push(window.read(0, window.sizeBytes))
  },
  throw: () => {
    throw new TypeError('cannot read properties of undefined')
  },
  stack: () => {
    const deep = (n: number): number => n + deep(n + 1)
    return { name: `${deep(0)}` }
  },
  reject: async () => {
    void Promise.reject(new Error('nobody listens'))
    return await new Promise<never>(() => undefined)
  },
  exit: () => process.exit(0),
  missing: () => {
    throw Object.assign(new Error('EIO: i/o error, read'), { syscall: 'read', path: 'x' })
  },
  'streams on': async (window) => {
    for (let i = 0; i < 40; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      window.progressed(MIB)
    }
    return { name: 'streamed' }
  },
}

const reader: Reader = {
  what: 'an order',
  begins: () => true,
  read: (window, asked, fileName) => {
    const behaviour = window.read(0, 32).toString().split('\n', 1)[0]!
    return behaviours[behaviour]!(window, asked, fileName)
  },
}
const kinds = Object.keys(READERS) as InstallerKind[]
serveInspections(
  Object.fromEntries(kinds.map((kind) => [kind, reader])) as Record<InstallerKind, Reader>,
)
