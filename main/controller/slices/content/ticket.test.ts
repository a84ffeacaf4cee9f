import { describe, expect, it } from 'vitest'
import type { AttemptId, DeviceId, Sha256 } from '#shared/domain/ids.ts'
import { createTickets } from './ticket.ts'

const attemptId = '0123456789abcdef0123456789abcdef' as AttemptId
const sha256 = 'c'.repeat(64) as Sha256
const deviceId = 7 as DeviceId

describe('a download ticket', () => {
  const tickets = (live: DeviceId | null, key = Buffer.alloc(32, 1)) =>
    createTickets({ key, deviceOfLiveAttempt: (id) => (id === attemptId ? live : null) })
  const issue = () => tickets(deviceId).ticketUrl({ attemptId, sha256, deviceId })

  it('is a path that its creator accepts', () => {
    const url = issue()
    expect(url).toMatch(/^\/content\/[0-9a-f]{32}\/[0-9a-f]{64}\?t=[A-Za-z0-9_-]{43}$/)
    const asked = tickets(deviceId).parse(url)!
    expect(tickets(deviceId).checkTicket(asked)).toBe(deviceId)
  })

  it('is invalid once its attempt has ended', () => {
    expect(tickets(null).checkTicket(tickets(null).parse(issue())!)).toBeNull()
  })

  it('is invalid for another device, content or attempt, or under another key', () => {
    const asked = tickets(deviceId).parse(issue())!
    expect(tickets(8 as DeviceId).checkTicket(asked)).toBeNull()
    expect(tickets(deviceId).checkTicket({ ...asked, sha256: 'd'.repeat(64) as Sha256 })).toBeNull()
    expect(tickets(deviceId, Buffer.alloc(32, 2)).checkTicket(asked)).toBeNull()
    const other = createTickets({ key: Buffer.alloc(32, 1), deviceOfLiveAttempt: () => deviceId })
    expect(other.checkTicket({ ...asked, attemptId: 'f'.repeat(32) as AttemptId })).toBeNull()
  })

  it('is invalid for device 0 if there is no active attempt', () => {
    const url = tickets(deviceId).ticketUrl({ attemptId, sha256, deviceId: 0 as DeviceId })
    expect(tickets(null).checkTicket(tickets(null).parse(url)!)).toBeNull()
  })

  it.each([
    '/content/',
    '/content/abc/def?t=x',
    `/content/${attemptId}/${sha256}`,
    `/content/${attemptId}/${sha256}?t=${'A'.repeat(42)}`,
    `/content/${attemptId}/${sha256}?t=${'A'.repeat(43)}&x=1`,
    `/content/${attemptId}/../${sha256}?t=${'A'.repeat(43)}`,
    `/content/${attemptId.toUpperCase()}/${sha256}?t=${'A'.repeat(43)}`,
  ])('is not parsed from %s', (url) => {
    expect(tickets(deviceId).parse(url)).toBeNull()
  })
})
