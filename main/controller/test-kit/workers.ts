import { join } from 'node:path'
import { PROJECT_ROOT } from './paths.ts'

/**
 * Where tests load worker threads from: the sources, or the built ones for a Node without
 * TypeScript support (Electron's).
 */
export const TEST_WORKERS_DIR = process.features.typescript
  ? null
  : join(PROJECT_ROOT, 'out', 'main', 'workers')
