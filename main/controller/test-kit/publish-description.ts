/**
 * Before a test run: fetches the description of the REST surface once, for the workers to check
 * replies against.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DESCRIPTION_FILE } from './reply-check.ts'

export async function setup(): Promise<() => void> {
  const { createDocs } = await import('../edges/consoles/docs.ts')
  const docs = await createDocs('0.0.0-test')
  const reply = await docs.inject({ method: 'GET', url: '/openapi.json' })
  await docs.close()
  const folder = mkdtempSync(join(tmpdir(), 'deployx-openapi-'))
  const file = join(folder, 'openapi.json')
  writeFileSync(file, reply.rawPayload)
  process.env[DESCRIPTION_FILE] = file
  return () => rmSync(folder, { recursive: true, force: true })
}
