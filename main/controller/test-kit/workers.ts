import { join } from 'node:path'

/** Where tests take worker threads from: the sources, or, under a Node that takes no TypeScript (Electron's), the built ones. */
export const TEST_WORKERS_DIR = process.features.typescript
  ? null
  : join(import.meta.dirname, '..', '..', '..', 'out', 'main', 'workers')
