/** A user's quota looks like a broken disk to SQLite; a probe tells them apart. */
import Database from 'better-sqlite3'
import { describe, expect, it, vi } from 'vitest'
import { createTransaction } from './transaction.ts'

const failing = (code: string) => () => {
  throw Object.assign(new Error('disk I/O error'), { code })
}
function open(found: 'EDQUOT' | 'ENOSPC' | null) {
  const freeSpace = { ensure: vi.fn(), releaseSlice: vi.fn(() => true), probe: vi.fn(() => found) }
  return { freeSpace, transaction: createTransaction(new Database(':memory:'), freeSpace) }
}

describe('a write that SQLite could not do', () => {
  it.each(['EDQUOT', 'ENOSPC'] as const)('is a full disk if a probe meets %s', (code) => {
    const { freeSpace, transaction } = open(code)
    expect(() => transaction(failing('SQLITE_IOERR_WRITE'))).toThrow(
      expect.objectContaining({
        code: 'E_DISK_FULL',
        message: expect.stringContaining(`is full (${code})`) as string,
      }),
    )
    expect(freeSpace.releaseSlice).toHaveBeenCalledOnce()
  })

  it('is a broken disk if there is room', () => {
    const { freeSpace, transaction } = open(null)
    expect(() => transaction(failing('SQLITE_IOERR_WRITE'))).toThrow(
      expect.objectContaining({ code: 'E_STORAGE' }),
    )
    expect(freeSpace.releaseSlice).not.toHaveBeenCalled()
  })

  it('is not probed for if it could not be read', () => {
    const { freeSpace, transaction } = open('EDQUOT')
    expect(() => transaction(failing('SQLITE_IOERR_READ'))).toThrow(
      expect.objectContaining({ code: 'E_STORAGE' }),
    )
    expect(freeSpace.probe).not.toHaveBeenCalled()
  })
})
