/** Inspects bytes as the controller does: through the inspection's entry point, in its worker. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '#shared/node/clock.ts'
import { kindOfFileName } from '#shared/domain/platforms.ts'
import { createInspection, type PackageFacts } from '../slices/inspection/index.ts'
import { TEST_WORKERS_DIR } from './workers.ts'

export function openInspector(options: Partial<Parameters<typeof createInspection>[0]> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'deployx-inspector-'))
  /** Faults of readers that were logged. */
  const faults: object[] = []
  const inspection = createInspection({
    workersDir: TEST_WORKERS_DIR,
    clock: systemClock,
    log: { error: (what: object) => void faults.push(what) },
    ...options,
  })
  let files = 0
  return {
    folder,
    faults,
    inspection,
    look: async (name: string, bytes: Buffer | string, asked?: string[]): Promise<PackageFacts> => {
      const path = join(folder, `${files++}`)
      writeFileSync(path, bytes)
      try {
        const file = { path, fileName: name, kind: kindOfFileName(name)! }
        return await inspection.inspect({ ...file, ...(asked ? { asked } : {}) }, 'test')
      } finally {
        rmSync(path, { force: true })
      }
    },
    async close(): Promise<void> {
      await inspection.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
