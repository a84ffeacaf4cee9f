/** What the data folder contains besides the database. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { hasKeys } from '../identity/index.ts'
import type { Besides } from './database-findings.ts'

const CONTENT_FOLDER = /^[0-9a-f]{2}$/

function hasPackages(dataDir: string): boolean {
  const root = join(dataDir, 'content')
  if (!existsSync(root)) return false
  return readdirSync(root, { withFileTypes: true }).some(
    (folder) =>
      folder.isDirectory() &&
      CONTENT_FOLDER.test(folder.name) &&
      readdirSync(join(root, folder.name)).length > 0,
  )
}

export const factsBesides = (dataDir: string): Besides => ({
  keys: hasKeys(dataDir),
  packages: hasPackages(dataDir),
  recoverySaved: existsSync(join(dataDir, 'recovery-saved.json')),
})
