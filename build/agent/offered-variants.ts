/**
 * The agents that a controller offers in update tests: real builds with other versions, some of them broken.
 */
import { mkdtempSync, writeFileSync } from 'node:fs'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { AgentsManifest } from '#shared/contract/agent/update.ts'
import { packageVariant } from '../package-agent.ts'
import type { Variant } from './bundle.ts'
import type { AgentTarget } from './targets.ts'

type Entry = AgentsManifest['agents'][number]
const onlyWhenRun = (does: string): string => `if (process.argv[2] === 'run') { ${does} }`

/** Each of these passes every check made before the agent is replaced. */
export const PRELUDES = {
  works: '',
  crashes: onlyWhenRun("throw new Error('broken')"),
  /** Never handles an event. */
  hangs: onlyWhenRun('Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)'),
  /** Runs, but cannot connect to anything. */
  'cannot connect': onlyWhenRun(
    "require('node:net').Socket.prototype.connect = function () { setImmediate(() => this.destroy(new Error('lost'))); return this }",
  ),
} as const

/** @param adapt changes a built file before its hash is computed; by default the file stays as built */
export async function createOfferedVariants(
  target: AgentTarget,
  adapt: (file: string) => Promise<void> = async () => undefined,
) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'deployx-variants-'))
  return {
    dir,
    /** The variant is available from the controller once this resolves. */
    async serve(variant: Variant): Promise<Entry> {
      const made = await packageVariant(target, dir, variant, adapt)
      writeFileSync(path.join(dir, 'SHA256SUMS'), `${made.sha256}  ${made.file_name}\n`)
      writeFileSync(path.join(dir, 'agents.json'), JSON.stringify({ agents: [made] }))
      return made
    },
    remove: () => fs.rm(dir, { recursive: true, force: true, maxRetries: 5 }),
  }
}
