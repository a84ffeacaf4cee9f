/**
 * Opens the project's own pages. They are part of the app: nothing is downloaded, and a page names
 * a topic, never an address.
 */
import { existsSync } from 'node:fs'
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { HelpTopic } from './menu.ts'
import { t } from './texts.ts'

const FILES: Record<HelpTopic, { inApp: string; shownAs: string }> = {
  guide: { inApp: 'docs/guides/first-deployment.md', shownAs: t('helpFile.guide') },
  licence: { inApp: 'LICENSE', shownAs: t('helpFile.licence') },
}

/**
 * @param appRoot of the app, possibly inside its archive
 * @param folder where other programs can read: they cannot open the archive
 * @param openPath opens a file with the system; an empty text means success
 */
export function createHelp(deps: {
  appRoot: string
  folder: string
  openPath: (file: string) => Promise<string>
}) {
  const source = (topic: HelpTopic): string => join(deps.appRoot, FILES[topic].inApp)
  return {
    topics: (Object.keys(FILES) as HelpTopic[]).filter((topic) => existsSync(source(topic))),
    async open(topic: HelpTopic): Promise<boolean> {
      if (!existsSync(source(topic))) return false
      const file = join(deps.folder, FILES[topic].shownAs)
      await mkdir(deps.folder, { recursive: true })
      await copyFile(source(topic), file)
      return (await deps.openPath(file)) === ''
    },
  }
}
