/** What a controller has stored of uploads: its library, and the files of its content store. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { TestController } from './test-controller.ts'

/** @param controller called each time, because a hook of the tests starts it */
export function keptUploads(controller: () => TestController) {
  const list = async () => (await controller().rest.call('software.list', {})).software
  const contentFiles = (): string[] => {
    const root = join(controller().dataDir, 'content')
    return readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
      statSync(join(root, name)).isFile(),
    )
  }
  return {
    list,
    contentFiles,
    /** Deletes all software; its bytes must be deleted with it. */
    clear: async (): Promise<void> => {
      for (const { id } of await list())
        await controller().rest.call('software.delete', { params: { id } })
      expect(contentFiles()).toEqual([])
    },
    /** Nothing of a refused upload may remain. */
    nothingKept: async (): Promise<void> => {
      expect(await list()).toEqual([])
      expect(contentFiles()).toEqual([])
    },
  }
}
