/** A folder of agents like that of a build, with a few bytes in place of each. */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const LINUX_AGENT = 'deployx-agent-linux-x64'

export function createServedAgents() {
  const dir = mkdtempSync(join(tmpdir(), 'deployx-agents-'))
  return {
    dir,
    /** What is served from now on. @param version null: a build without one */
    serve(version: string | null, bytes = `agent ${version}`): void {
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      writeFileSync(join(dir, LINUX_AGENT), bytes)
      writeFileSync(join(dir, 'SHA256SUMS'), `${sha256}  ${LINUX_AGENT}\n`)
      const entry = { file_name: LINUX_AGENT, version, sha256, size_bytes: bytes.length }
      const agents = version === null ? [] : [entry]
      writeFileSync(join(dir, 'agents.json'), JSON.stringify({ agents }))
    },
    /** The listed hash does not match the file. */
    garble: (): void =>
      writeFileSync(join(dir, 'SHA256SUMS'), `${'0'.repeat(64)}  ${LINUX_AGENT}\n`),
    remove: (): void => rmSync(dir, { recursive: true, force: true }),
  }
}
