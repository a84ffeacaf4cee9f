/**
 * A library that downloads packages from the test's own server, which answers as each test
 * specifies.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { z } from 'zod'
import { CustomSoftware } from '#shared/contract/rest/software.ts'
import type { Viewer } from '../base/context.ts'
import type { InstallerRow } from '../slices/software/index.ts'
import { openLibrary, type TestLibrary } from './library.ts'

type LibraryOptions = NonNullable<Parameters<typeof openLibrary>[0]>
export type Answer = (request: IncomingMessage, response: ServerResponse) => void

export const file =
  (bytes: Buffer, headers: Record<string, string> = {}): Answer =>
  (_request, response) => {
    response.writeHead(200, { 'content-length': bytes.length, ...headers })
    response.end(bytes)
  }
export const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (_request, response) => {
    response.writeHead(code, headers)
    response.end('no')
  }

export type FetchStage = Awaited<ReturnType<typeof openFetchStage>>
export async function openFetchStage() {
  const routes = new Map<string, Answer>()
  /** Requested paths, in order. */
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = request.url!.split('?')[0]!
    asked.push(path)
    const answer = routes.get(path) ?? status(404)
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const opened = (options: LibraryOptions): { library: TestLibrary; viewer: Viewer } => {
    const library = openLibrary({
      ...options,
      fetch: { idleTimeoutMs: 300, headTimeoutMs: 300, ...options.fetch },
    })
    return { library, viewer: library.addUser('ann', 'technician') }
  }
  let { library, viewer } = opened({})

  /** Creates the entry as a deployment does. */
  function add(item: Omit<z.input<typeof CustomSoftware>, 'name'>): InstallerRow {
    const parsed = CustomSoftware.parse({ name: 'Fetched', ...item })
    const [made] = library.store.transaction(() => library.software.createCustom([parsed], viewer))
    return made!.installers[0]!
  }
  /** Starts the download and waits for its end. */
  async function settle(row: InstallerRow): Promise<InstallerRow> {
    const settled = new Promise<void>((resolve) => {
      library.software.onInstallerSettled((id) => {
        if (id === row.id) resolve()
      })
    })
    library.software.startFetches()
    await settled
    return library.software.installersOf(row.software_id)[0]!
  }

  return {
    routes,
    asked,
    base,
    get library() {
      return library
    },
    add,
    settle,
    fetchFrom: (path: string, more: Partial<z.input<typeof CustomSoftware>> = {}) =>
      settle(add({ download_url: base + path, ...more })),
    /** Replaces the current library by an empty one. */
    async replace(options: LibraryOptions): Promise<void> {
      await library.close()
      ;({ library, viewer } = opened(options))
    },
    /** The same data folder, as after a restart of the controller. */
    async restart(options: LibraryOptions = {}): Promise<void> {
      const { dataDir } = library
      await library.shut()
      library = openLibrary({
        ...options,
        fetch: { idleTimeoutMs: 300, headTimeoutMs: 300, ...options.fetch },
        dataDir,
      })
    },
    async close(): Promise<void> {
      server.closeAllConnections()
      server.close()
      await library.close()
    },
  }
}
