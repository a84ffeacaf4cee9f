/**
 * The DeployX side of `serve.ts`: the content store behind HTTPS, in a separate process, so that its CPU time
 * can be measured.
 */
import { randomFillSync } from 'node:crypto'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Readable } from 'node:stream'
import { openKeys } from '../main/controller/slices/identity/index.ts'
import { openLibrary } from '../main/controller/test-kit/library.ts'

export type HubOrder = { do: 'start'; fileBytes: number } | { do: 'usage' } | { do: 'quit' }
export type HubNote =
  | { done: 'start'; port: number; path: string; cert: string; key: string; file: string }
  | { done: 'usage'; cpuMs: number; rssBytes: number; loopP90Ms: number }

const library = openLibrary()
const delay = monitorEventLoopDelay({ resolution: 2 })
delay.enable()

function* randomBytesOf(total: number): Generator<Buffer> {
  for (let left = total; left > 0; left -= 65_536)
    yield randomFillSync(Buffer.alloc(Math.min(left, 65_536)))
}

async function start(fileBytes: number): Promise<HubNote> {
  const { dataDir, content } = library
  const keys = await openKeys(dataDir, null)
  const staged = await content.ingest(Readable.from(randomBytesOf(fileBytes)), {
    limitBytes: fileBytes,
  })
  // No software refers to it, but nothing is garbage-collected while this process runs.
  const { sha256 } = staged
  await staged.commit(() => undefined)
  const server = createServer(keys.tls, (request, response) => {
    content.serve(request, response, { sha256 }).catch((error: unknown) => {
      console.error(error)
      response.destroy()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    done: 'start',
    port: (server.address() as AddressInfo).port,
    path: '/file',
    ...keys.tls,
    file: join(dataDir, 'content', sha256.slice(0, 2), sha256),
  }
}

function usage(): HubNote {
  const { user, system } = process.cpuUsage()
  const note: HubNote = {
    done: 'usage',
    cpuMs: (user + system) / 1000,
    rssBytes: process.memoryUsage.rss(),
    loopP90Ms: delay.percentile(90) / 1e6,
  }
  delay.reset()
  return note
}

const quit = () => {
  void library.close().finally(() => process.exit(0))
}
process.on('message', (order: HubOrder) => {
  switch (order.do) {
    case 'start':
      start(order.fileBytes).then(
        (note) => process.send!(note),
        (error: unknown) => {
          console.error(error)
          process.exit(1)
        },
      )
      break
    case 'usage':
      process.send!(usage())
      break
    case 'quit':
      quit()
  }
})
process.on('disconnect', quit)
