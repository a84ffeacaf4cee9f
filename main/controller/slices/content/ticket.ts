/** Download tickets: a URL that serves one content to one device, during one attempt. */
import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'
import type { AttemptId, DeviceId, Sha256 } from '#shared/domain/ids.ts'

export type Ticket = { attemptId: AttemptId; sha256: Sha256; deviceId: DeviceId }

const PATH = /^\/content\/([0-9a-f]{32})\/([0-9a-f]{64})\?t=([A-Za-z0-9_-]{43})$/

export function createTickets(deps: {
  key: Buffer
  /** The device that is working on this attempt; null once the attempt has ended. */
  deviceOfLiveAttempt: (attemptId: AttemptId) => DeviceId | null
}) {
  // Created once: a key passed as bytes costs five times the hash itself, each time.
  const key = createSecretKey(deps.key)
  const mac = ({ attemptId, sha256, deviceId }: Ticket): Buffer =>
    createHmac('sha256', key)
      .update(['deployx content v1', attemptId, sha256, deviceId].join('\n'))
      .digest()

  return {
    /** `/content/{attempt_id}/{sha256}?t={HMAC}`: a path on the hub. */
    ticketUrl: (ticket: Ticket): string =>
      `/content/${ticket.attemptId}/${ticket.sha256}?t=${mac(ticket).toString('base64url')}`,
    /** What a request's path asks for, or null if it is not a ticket. */
    parse(url: string): { attemptId: AttemptId; sha256: Sha256; mac: string } | null {
      const match = PATH.exec(url)
      return match
        ? { attemptId: match[1] as AttemptId, sha256: match[2] as Sha256, mac: match[3]! }
        : null
    },
    /**
     * The ticket's device; null if it is not genuine or its attempt has ended. Compares in constant
     * time.
     */
    checkTicket: (asked: {
      attemptId: AttemptId
      sha256: Sha256
      mac: string
    }): DeviceId | null => {
      const deviceId = deps.deviceOfLiveAttempt(asked.attemptId)
      // Computed in either case, so that the time taken does not reveal which attempts are active.
      const expected = mac({ ...asked, deviceId: deviceId ?? (0 as DeviceId) })
      const shown = Buffer.from(asked.mac, 'base64url')
      const isGenuine = shown.length === expected.length && timingSafeEqual(shown, expected)
      return isGenuine ? deviceId : null
    },
  }
}
