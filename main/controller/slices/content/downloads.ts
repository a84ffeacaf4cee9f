/** Downloads of stored content: permitted by tickets, queued, paced, and aborted when their device is refused. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AppError } from '#shared/contract/errors.ts'
import type { AttemptId, DeviceId, Sha256 } from '#shared/domain/ids.ts'
import type { Clock, Log } from '../../base/context.ts'
import { createBandwidth, type BandwidthLimits, type Lane } from './bandwidth.ts'
import type { BlockPool } from './blocks.ts'
import type { ContentRepo } from './content.repo.ts'
import type { ContentOptions } from './options.ts'
import { serve } from './serve.ts'
import { createSlots } from './slots.ts'
import type { StoredFiles } from './stored-files.ts'
import { createTickets } from './ticket.ts'
import { createUnderWay } from './under-way.ts'
import { write, writePaced } from './write.ts'

export function createDownloads(deps: {
  repo: ContentRepo
  files: Pick<StoredFiles, 'pathOf' | 'faults' | 'lookAt'>
  pool: BlockPool
  options: ContentOptions
  clock: Clock
  log: Log
  /** Signs and verifies download tickets. */
  ticketKey: Buffer
  /** The device that is working on this attempt; null once it has ended. */
  deviceOfLiveAttempt: (attemptId: AttemptId) => DeviceId | null
}) {
  const { repo, files, pool, options } = deps
  const { faults } = files
  const slots = createSlots({
    slots: options.parallelDownloads,
    queue: options.queuedDownloads,
    waitMs: options.queueWaitMs,
    clock: deps.clock,
  })
  const bandwidth = createBandwidth(deps.clock)
  const underWay = createUnderWay()
  const tickets = createTickets({
    key: deps.ticketKey,
    deviceOfLiveAttempt: deps.deviceOfLiveAttempt,
  })

  /**
   * Sends the content; the caller has checked the permission. @throws AppError E_NOT_FOUND, E_RANGE
   */
  async function serveContent(
    request: IncomingMessage,
    response: ServerResponse,
    { sha256 }: { sha256: Sha256 },
    lane: Lane = 'unenrolled',
  ): Promise<void> {
    const sizeBytes = repo.sizeBytes(sha256)
    if (sizeBytes === null) throw new AppError('E_NOT_FOUND', 'This content is not stored here.')
    if (faults.of(sha256) === 'damaged')
      throw new AppError('E_NOT_FOUND', 'The stored file is damaged. Upload it again.')
    const serving = {
      ...{ pool, slots, bandwidth, timings: options, log: deps.log },
      onFault: () => files.lookAt(sha256, sizeBytes),
    }
    await serve(serving, request, response, {
      ...{ sha256, sizeBytes, path: files.pathOf(sha256), lane },
      blocks: `${sha256}/${faults.versionOf(sha256)}`,
    })
  }

  return {
    /** A path on the hub where this device may download this content during this attempt. */
    ticketUrl: tickets.ticketUrl,
    checkTicket: tickets.checkTicket,

    /**
     * Answers an agent's GET or HEAD of a ticket's address.
     * @throws AppError E_NOT_FOUND, E_FORBIDDEN (no ticket, or its attempt has ended), E_RANGE;
     * before anything was sent
     */
    async serveTicket(
      request: IncomingMessage,
      response: ServerResponse,
      url: string,
    ): Promise<void> {
      const asked = tickets.parse(url)
      if (!asked || (request.method !== 'GET' && request.method !== 'HEAD'))
        throw new AppError('E_NOT_FOUND', 'There is nothing here.')
      const deviceId = tickets.checkTicket(asked)
      if (deviceId === null)
        throw new AppError('E_FORBIDDEN', 'This download is not, or no longer, permitted.')
      await underWay.during(deviceId, response, () =>
        serveContent(request, response, asked, deviceId),
      )
    },
    /**
     * Aborts this device's downloads. `deviceOfLiveAttempt` decides whether it may start new ones.
     */
    cut(deviceId: DeviceId): void {
      const downloads = underWay.cut(deviceId)
      if (downloads > 0)
        deps.log.warn({ deviceId, downloads }, 'a device was refused: its downloads were aborted')
    },

    serve: serveContent,

    /** Applies from now on, including to running downloads. */
    setLimits: (limits: BandwidthLimits): void => bandwidth.setLimits(limits),

    /**
     * Sends other bytes, which count towards the hub's limit.
     * @param writeTo writes a piece, for callers that measure the time
     * @throws Error if the connection ends first
     */
    sendOther: (
      response: ServerResponse,
      bytes: Buffer,
      writeTo: typeof write = write,
    ): Promise<void> =>
      bandwidth.isLimited()
        ? writePaced(bandwidth, 'unenrolled', response, bytes, writeTo)
        : writeTo(response, bytes),

    /** What downloads use at this moment. `paced`: how many of them wait because of a limit. */
    usage: () => ({
      ...slots.usage(),
      ...pool.usage(),
      ...underWay.usage(),
      paced: bandwidth.waiting(),
    }),
    stop: (): void => bandwidth.stop(),
  }
}
