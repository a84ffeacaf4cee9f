import { join } from 'node:path'

/**
 * Where tests load worker threads from: the sources, or the built ones for a Node without
 * TypeScript support (Electron's).
 */
export const TEST_WORKERS_DIR = process.features.typescript
  ? null
  : join(import.meta.dirname, '..', '..', '..', 'out', 'main', 'workers')
