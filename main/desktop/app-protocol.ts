/** Serves the built console to its window under `app://deployx/`. */
import { readFile } from 'node:fs/promises'
import { protocol } from 'electron'
import type { Logger } from 'pino'
import { APP_SCHEME, fileOfUrl, mimeTypeOf, SECURITY_HEADERS } from './app-files.ts'

/**
 * Makes `app:` a scheme like https: its own origin, modules, fetch, and a code cache for scripts
 * across starts. Call it before the app is ready.
 */
export function registerAppScheme(): void {
  const privileges = { standard: true, secure: true, supportFetchAPI: true, codeCache: true }
  protocol.registerSchemesAsPrivileged([{ scheme: APP_SCHEME, privileges }])
}

/** @param rendererDir the built console */
export function serveAppScheme(rendererDir: string, log: Logger): void {
  protocol.handle(APP_SCHEME, async (request) => {
    const { method, url } = request
    if (method !== 'GET' && method !== 'HEAD') return answer(405, 'This cannot be written.')
    const file = fileOfUrl(rendererDir, url)
    const content = file && (await readFile(file).catch(() => null))
    if (!file || !content) {
      log.warn({ url: url.slice(0, 200) }, 'the page requested a file that does not exist')
      return answer(404, 'There is nothing at this address.')
    }
    return new Response(method === 'HEAD' ? null : new Uint8Array(content), {
      headers: { ...SECURITY_HEADERS, 'content-type': mimeTypeOf(file) },
    })
  })
}

const answer = (status: number, text: string): Response =>
  new Response(text, { status, headers: { ...SECURITY_HEADERS, 'content-type': 'text/plain' } })
