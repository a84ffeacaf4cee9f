/** Zip archives with real files, for tests. */
import { zipSync } from 'fflate'

export const makeZipOf = (files: Record<string, string | Buffer>): Buffer =>
  Buffer.from(
    zipSync(
      Object.fromEntries(
        Object.entries(files).map(([name, content]) => [
          name,
          new Uint8Array(Buffer.from(content)),
        ]),
      ),
    ),
  )
