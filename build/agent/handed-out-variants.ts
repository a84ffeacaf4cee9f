/** What a controller hands out in tests of updates: built agents of other versions, some of which do not work. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { AgentsManifest } from '#shared/contract/agent-update.ts'
import { packageVariant } from '../package-agent.ts'
import type { Variant } from './bundle.ts'
import type { AgentTarget } from './targets.ts'

type Entry = AgentsManifest['agents'][number]
const onlyWhenRun = (does: string): string => `if (process.argv[2] === 'run') { ${does} }`

/** Each passes every look at it before it is put in place. */
export const PRELUDES = {
  works: '',
  crashes: onlyWhenRun("throw new Error('broken')"),
  /** No event is ever handled. */
  hangs: onlyWhenRun('Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)'),
  /** It runs, and reaches nobody. */
  isLost: onlyWhenRun(
    "require('node:net').Socket.prototype.connect = function () { setImmediate(() => this.destroy(new Error('lost'))); return this }",
  ),
} as const

/** @param adapt changes a built file before its hash is taken; default: not at all */
export async function createHandedOutVariants(
  target: AgentTarget,
  adapt: (file: string) => Promise<void> = async () => undefined,
) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'deployx-variants-'))
  return {
    dir,
    /** Handed out from when this resolves. */
    async serve(variant: Variant): Promise<Entry> {
      const made = await packageVariant(target, dir, variant, adapt)
      writeFileSync(path.join(dir, 'SHA256SUMS'), `${made.sha256}  ${made.file_name}\n`)
      writeFileSync(path.join(dir, 'agents.json'), JSON.stringify({ agents: [made] }))
      return made
    },
    remove: () => fs.rm(dir, { recursive: true, force: true, maxRetries: 5 }),
  }
}
