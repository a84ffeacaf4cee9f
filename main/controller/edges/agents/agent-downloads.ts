/**
 * The agent's program is public, so downloads are limited: how many run at the same time, in total
 * and per address, and how slow they may be.
 */
import { createReadStream } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { AppError } from '#shared/contract/errors.ts'
import type { Clock } from '#shared/node/clock.ts'
import { write, type Content } from '../../slices/content/index.ts'
import type { Log } from '../../base/context.ts'
import type { AgentFiles } from '../../base/agent-files.ts'

const IN_ALL = 16
/** The remaining slots stay free for other addresses; a branch office behind one address queues. */
const PER_ADDRESS = 4
/** Maximum time per download. Time spent waiting for the bandwidth limit does not count. */
const LIMIT_MS = 15 * 60_000
/** Ends the download when the client has not read a 64 KiB chunk for this long. */
export const STALL_MS = 30_000

export type AgentDownloads = {
  /** @throws AppError E_NOT_FOUND, E_RATE_LIMITED */
  send: (name: string, address: string, response: ServerResponse) => Promise<void>
}

export function createAgentDownloads(deps: {
  agentFiles: AgentFiles
  content: Content
  clock: Clock
  log: Log
  stallMs?: number
}): AgentDownloads {
  const { clock } = deps
  const stallMs = deps.stallMs ?? STALL_MS
  const underWay = new Map<string, number>()
  let inAll = 0

  function enter(address: string): () => void {
    const own = underWay.get(address) ?? 0
    if (inAll >= IN_ALL || own >= PER_ADDRESS)
      throw new AppError('E_RATE_LIMITED', 'Too many downloads right now. Wait a minute.')
    underWay.set(address, own + 1)
    inAll++
    return () => {
      const left = (underWay.get(address) ?? 1) - 1
      if (left > 0) underWay.set(address, left)
      else underWay.delete(address)
      inAll--
    }
  }

  return {
    async send(name, address, response) {
      const file = deps.agentFiles.byName(name)
      if (!file) throw new AppError('E_NOT_FOUND', 'There is nothing here.')
      const leave = enter(address)
      let hasBegun = false
      try {
        if (await deps.agentFiles.isDamaged(file)) {
          deps.log.error({ name }, 'the file of an agent is damaged: install DeployX again')
          throw new AppError(
            'E_NOT_FOUND',
            'The file of this agent is damaged on the controller. Install DeployX again there.',
          )
        }
        hasBegun = true
        response.writeHead(200, {
          'content-type': 'application/octet-stream',
          'content-length': file.sizeBytes,
          // Prevents a second download over the same connection.
          connection: 'close',
        })
        response.on('error', () => undefined) // reported by the failed write
        let leftMs = LIMIT_MS
        for await (const piece of createReadStream(file.path) as AsyncIterable<Buffer>)
          await deps.content.sendOther(response, piece, async (to, bytes) => {
            const startMs = clock.monotonicMs()
            const cancelTimer = clock.setTimer(Math.min(leftMs, stallMs), () => to.destroy())
            await write(to, bytes).finally(cancelTimer)
            leftMs -= clock.monotonicMs() - startMs
          })
        response.end()
      } catch (error) {
        if (!hasBegun) throw error
        deps.log.debug({ err: error, name }, 'an agent download was aborted')
        response.destroy()
      } finally {
        leave()
      }
    },
  }
}
